"""Fixtures of the tests of conformance."""

from __future__ import annotations

import pytest

from tests.conformance.callers import Caller
from tests.conftest import RunningSimulator


@pytest.fixture
def api(beds24: RunningSimulator) -> Caller:
    """A caller with a token of the default simulator."""
    return Caller(beds24.address)
