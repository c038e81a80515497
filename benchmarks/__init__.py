"""The project's benchmark: ratios measured in one run."""
