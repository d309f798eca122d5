"""What each danger leaves in the log, in conflicts, runs and the audit reads as the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.documented import undocumented_rows


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Before its rows are rolled back; a test that has failed says so first."""
    result = yield
    if item.get_closest_marker("django_db") is not None and item.get_closest_marker("handmade") is None:
        assert undocumented_rows() == []
    return result
