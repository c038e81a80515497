"""What all tests share: property tests that draw the same examples each time, and no clock."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Only read by the type checker: run, it would look for credentials and leave a journal behind.
collect_ignore = ["typing"]
