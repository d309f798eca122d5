"""Installations of real processes: one shared by the tests that disturb nothing, others on their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.end_to_end.installation import Installation, installation, models_of


@pytest.fixture(scope="session")
def shared_installation(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Started once, with a room that is not mapped and credits for all; tests find their bookings by dates and ids."""
    directory: Path = tmp_path_factory.mktemp("installation")
    with installation(os.environ["DATABASE_URL"], broker_url, directory, credit_limit=10_000, more_rooms=1) as running:
        yield running


@pytest.fixture
def site(shared_installation: Installation, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    """The shared installation, with the models of this process on its database."""
    with django_db_blocker.unblock(), models_of(shared_installation):
        yield shared_installation
