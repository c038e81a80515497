"""The wire format: sign, build, parse, the code table. No I/O."""
