"""From a frame's rows to validated recipients: columns, phones, texts, rules, keys, message ids."""
