"""Where several processes share the tests, those of a file stay together, and all that need Prefect's server do."""

import pytest


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of each test; one process does a whole group, so that what its tests share is made once."""
    for item in items:
        together = item.path.parent if item.path.parent.name == "flows" else item.path
        item.add_marker(pytest.mark.xdist_group(str(together)))
