"""The order of tests, doctests and notebooks where several workers share them, and which need one pandas only."""

import pytest

LONGEST_FIRST = (
    "tests/engine/test_interrupts.py",
    "tests/engine/test_faults.py",
    "tests/engine/test_kill.py",
    "notebooks/04_resume_and_reconcile.ipynb",
    "tests/views/test_compose_browser.py",
    "tests/views/test_panel_lasts.py",
    "tests/engine/test_shared_journal.py",
    "tests/engine/test_history.py",
    "tests/views/test_panel_stop.py",
    "tests/views/test_panel_looks.py",
    "tests/views/test_dashboard_browser.py",
    "tests/views/test_panel_saved.py",
    "tests/engine/test_odd_replies.py",
    "tests/views/test_chinese.py",
    "tests/engine/test_together.py",
    "tests/engine/test_ending.py",
)
"""Files that take more than 20 s: begun last, one of them would be waited for alone. Their order takes --no-loadscope-reorder."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Let several workers begin with the longest files, and mark the tests that need a browser."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("any_pandas")
    if hasattr(config, "workerinput"):
        place = {file: number for number, file in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))
