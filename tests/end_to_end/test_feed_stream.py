"""The feed as server-sent events, from a real ASGI server: no thread is held for a reader, and none is kept waiting.

A page that wanted to show a change at once had to poll.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from knox.models import AuthToken

from channel_sync.connections.pausing import note_paused, note_resumed
from channel_sync.feed.cursor import sealed
from channel_sync.models import ChannelProperty, PropertyRole
from channel_sync.operations.roles import Role
from pms_project.local_services.ports import free_port
from tests.factories import ChannelConnectionFactory
from tests.staff import works_in
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"vera:secret").decode()}


class Server:
    """A uvicorn of the host, on the test's database."""

    def __init__(self) -> None:
        database = connection.settings_dict
        where = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "QUEUE_PREFIX")}
        environment = {**kept, "DEBUG": "1", "DATABASE_URL": where, "LOG_LEVEL": "WARNING"}
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api/admin/feed/stream"
        command = [sys.executable, "-m", "uvicorn", "pms_project.asgi:application", "--port", str(port)]
        self.process = subprocess.Popen([*command, "--log-level", "warning"], env=environment, cwd=ROOT)
        until(self._answers, seconds=30)

    def _answers(self) -> bool:
        try:
            return requests.get(self.url, timeout=5).status_code in (401, 403)
        except requests.ConnectionError:
            return False

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Reader:
    """What a browser's EventSource does."""

    def __init__(self, url: str, **headers: str) -> None:
        self.answer = requests.get(url, headers={**LOGIN, **headers}, stream=True, timeout=20)
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        self._lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()

    def block(self) -> dict[str, str]:
        """The next lines up to an empty one."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return found
            name, _, value = line.partition(":")
            found[name] = value.strip()
        raise AssertionError("the stream ended")

    def event(self) -> dict[str, str]:
        """The next block that is an event."""
        while "event" not in (found := self.block()):
            pass
        return found


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    running = Server()
    yield running
    running.end()


@pytest.fixture
def vera(channel_property: ChannelProperty, settings: LazySettings) -> Any:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]  # As the server has it.
    user = works_in(channel_property.property, Role.VIEWER, name="vera")
    user.set_password("secret")
    user.save()
    return user


def test_what_happens_at_another_hotel_does_not_show(
    server: Server, vera: Any, channel_property: ChannelProperty
) -> None:
    other = ChannelConnectionFactory().channel_property
    with Reader(server.url) as reader:
        reader.block()
        for _ in range(2):
            note_paused(other.id, by="eve")
            time.sleep(1.5)
            note_resumed(other.id, is_held=False)
        note_paused(channel_property.id, by="eve")

        assert reader.block().get("event") == "property.paused"


@pytest.mark.parametrize("way", ["token", "session", "password"])
def test_a_stream_ends_with_the_login_that_it_was_begun_with(
    server: Server, vera: Any, channel_property: ChannelProperty, client: Client, way: str
) -> None:
    client.force_login(vera)
    headers = {
        "token": {"Authorization": f"Token {AuthToken.objects.create(user=vera)[1]}"},
        "session": {"Authorization": "", "Cookie": f"sessionid={client.session.session_key}"},
        "password": {},
    }
    with Reader(server.url, **headers[way]) as reader:
        reader.block()
        note_paused(channel_property.id, by="eve")
        assert reader.event()["event"] == "property.paused"
        if way == "token":
            AuthToken.objects.all().delete()
        elif way == "session":
            client.logout()
        else:
            vera.set_password("another secret")
            vera.save()
        time.sleep(0.5)  # A reading that was under way is over.
        note_resumed(channel_property.id, is_held=False)

        with pytest.raises(AssertionError, match="the stream ended"):
            reader.event()


def test_a_change_is_streamed_at_once_and_a_reader_that_comes_back_misses_nothing(
    server: Server, vera: Any, channel_property: ChannelProperty
) -> None:
    with Reader(server.url) as reader:
        begin = reader.block()
        begun = time.monotonic()
        note_paused(ChannelConnectionFactory().channel_property.id, by="eve")  # Of another hotel.
        note_paused(channel_property.id, by="eve")

        paused = reader.event()

        assert time.monotonic() - begun < 5
    assert begin["id"] != paused["id"]
    assert paused["event"] == "property.paused"
    assert str(channel_property.id) in paused["data"]
    note_resumed(channel_property.id, is_held=False)
    with Reader(server.url, **{"Last-Event-ID": paused["id"]}) as again:
        assert again.event()["event"] == "property.resumed"
    with Reader(f"{server.url}?after={begin['id']}") as whole:
        assert [whole.event()["event"] for _ in range(2)] == ["property.paused", "property.resumed"]


def test_readers_hold_no_thread_and_one_that_loses_its_role_is_let_go(
    server: Server, vera: Any, channel_property: ChannelProperty
) -> None:
    with Reader(server.url) as first:
        first.block()
        alone = server.threads
        with ExitStack() as stack:
            readers = [stack.enter_context(Reader(server.url)) for _ in range(30)]
            for reader in readers:
                reader.block()
            until(lambda: server.threads <= alone + 3, seconds=10)
            note_paused(channel_property.id, by="eve")
            assert {reader.event()["event"] for reader in readers} == {"property.paused"}
        first.event()
        PropertyRole.objects.all().delete()
        note_resumed(channel_property.id, is_held=False)
        with pytest.raises(AssertionError, match="ended"):
            first.event()


def test_who_may_not_follow_is_refused_in_the_shape_of_every_refusal(server: Server, vera: Any) -> None:
    nobody = requests.get(server.url, timeout=10)
    gone = requests.get(server.url, headers={**LOGIN, "Last-Event-ID": sealed(10**12)}, timeout=10)
    wrong = requests.get(server.url, headers=LOGIN, params={"after": "x"}, timeout=10)
    unknown = requests.get(server.url, headers=LOGIN, params={"afer": "0"}, timeout=10)
    PropertyRole.objects.all().delete()
    denied = requests.get(server.url, headers=LOGIN, timeout=10)

    answers = (nobody, gone, wrong, unknown, denied)
    assert [answer.status_code for answer in answers] == [401, 410, 400, 400, 403]
    assert [answer.json()["errors"][0]["code"] for answer in answers] == [
        "not_authenticated", "cursor_gone", "invalid", "unknown", "permission_denied",
    ]  # fmt: skip


def test_under_wsgi_the_stream_says_what_to_do_instead(vera: Any, client: Client) -> None:
    client.force_login(vera)

    answer = client.get("/api/admin/feed/stream")

    assert answer.status_code == 501
    assert re.search("asgi.*/api/admin/feed/", answer.json()["errors"][0]["detail"])
