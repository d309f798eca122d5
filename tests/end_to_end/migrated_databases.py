"""Databases with all tables, one on each server, which the installations of a run start from a copy of."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pms_project.local_services import postgres
from pms_project.local_services.processes import Processes
from pms_project.local_services.stack import environment, migrate


class MigratedDatabases:
    """Makes one on each server that it is asked for, and drops all of them."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def on(self, server_url: str) -> str:
        """The name of the server's."""
        if server_url not in self._names:
            self._names[server_url] = _migrated(server_url)
        return self._names[server_url]

    def drop(self) -> None:
        """Drop those that were made; a server that a test has stopped has taken its own along."""
        while self._names:
            server_url, name = self._names.popitem()
            if postgres.answers(server_url):
                postgres.drop_database(server_url, name)


# Those of this process, dropped at the end of its run.
migrated_databases = MigratedDatabases()


def _migrated(server_url: str) -> str:
    url = postgres.create_database(server_url)
    name = urlsplit(url).path.removeprefix("/")
    variables = environment(database_url=url, broker_url="memory://", simulator_port=0, queue_prefix="")
    try:
        migrate(Processes(variables | {"DJANGO_SETTINGS_MODULE": "pms_project.settings"}, Path()))
    except BaseException:
        postgres.drop_database(server_url, name)
        raise
    return name
