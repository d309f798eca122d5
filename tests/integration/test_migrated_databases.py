"""What installations are copied from outlived its server, and the end of such a run printed a traceback."""

from __future__ import annotations

import psycopg
import pytest

from pms_project.local_services import postgres
from tests.end_to_end.migrated_databases import MigratedDatabases

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


def names(server_url: str) -> set[str]:
    with psycopg.connect(server_url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_each_server_has_one_until_they_are_dropped_or_it_stops() -> None:
    databases = MigratedDatabases()
    with postgres.private_server() as server:
        before = names(server.url)
        made = databases.on(server.url)
        assert databases.on(server.url) == made
        assert names(server.url) - before == {made}

        databases.drop()

        assert names(server.url) == before
        databases.on(server.url)

    databases.drop()
