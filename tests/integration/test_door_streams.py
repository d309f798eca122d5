"""The feed's stream and the logins behind the proxy of the compose file.

Streams went to gunicorn, which answers 501; attempts to get a token were not counted by the proxy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
import requests
from axes.models import AccessAttempt
from knox.models import AuthToken

from channel_sync.connections.pausing import note_paused
from channel_sync.models import ChannelProperty, Role
from pms_project.local_services.nginx import FrontDoor, front_door
from tests.door import BEHIND, asking, send_webhook, stream_process, web_process
from tests.staff import works_in

pytestmark = [
    pytest.mark.processes,
    pytest.mark.alone,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(180),
]

STREAMS, PLACES = 200, 4
AT_ONE_PLACE = 100
ANSWER_SECONDS = 1.0
EVENT_SECONDS = 5.0
PATH = "/api/admin/feed/stream"


@pytest.fixture(scope="module")
def door(
    topology_at_broker: None, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    """The proxy before a web process and one that streams."""
    directory = tmp_path_factory.mktemp("behind_the_door")
    with (
        web_process(directory, **BEHIND) as web,
        stream_process(directory, **BEHIND) as stream,
        front_door(web, stream) as running,
    ):
        yield running


@pytest.fixture
def login(channel_property: ChannelProperty) -> dict[str, str]:
    """The header of a viewer of the connected hotel."""
    _, token = AuthToken.objects.create(works_in(channel_property.property, Role.VIEWER, name="vera"))
    return {"Authorization": f"Token {token}"}


@pytest.fixture
def places() -> Iterator[str]:
    """Addresses that nobody has used yet, since the proxy counts by them."""
    return (f"127.0.2.{number}" for number in addresses)


addresses = count(1)


def url_of(door: FrontDoor) -> str:
    return f"https://127.0.0.1:{door.https_port}"


def opened(session: requests.Session, door: FrontDoor, login: dict[str, str]) -> requests.Response:
    return session.get(f"{url_of(door)}{PATH}", headers=login, stream=True, timeout=20)


class Reader:
    """A stream whose first line has come; it is held open until the block ends."""

    def __init__(self, answer: requests.Response) -> None:
        assert (answer.status_code, answer.headers.get("Content-Type")) == (200, "text/event-stream"), answer.text
        self._answer = answer
        self._lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(self._lines).startswith("retry:")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def next_kind(self) -> str:
        """The kind of the next event."""
        named: str = next(line for line in self._lines if line.startswith("event:"))
        return named.removeprefix("event:").strip()


def test_a_stream_among_two_hundred_is_at_once_and_webhooks_are_answered(
    door: FrontDoor, channel_property: ChannelProperty, login: dict[str, str], places: Iterator[str]
) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(asking(door, next(places))) for _ in range(PLACES)]
        for number in range(STREAMS):
            stack.enter_context(Reader(opened(sessions[number % PLACES], door, login)))
        channel = stack.enter_context(asking(door))
        seconds = [send_webhook(channel, url_of(door), channel_property) for _ in range(5)]
        started = time.monotonic()
        session = stack.enter_context(asking(door, next(places)))
        last = stack.enter_context(Reader(opened(session, door, login)))

        note_paused(channel_property.id, by="eve")

        assert last.next_kind() == "property.paused"
        assert time.monotonic() - started < EVENT_SECONDS
        seconds += [send_webhook(channel, url_of(door), channel_property) for _ in range(5)]
    assert max(seconds) < ANSWER_SECONDS


def test_streams_of_one_address_are_limited_and_leave_its_pages_alone(
    door: FrontDoor, login: dict[str, str], places: Iterator[str]
) -> None:
    with ExitStack() as stack:
        session = stack.enter_context(asking(door, next(places)))
        for _ in range(AT_ONE_PLACE):
            stack.enter_context(Reader(opened(session, door, login)))

        assert opened(session, door, login).status_code == 429
        assert session.get(f"{url_of(door)}/admin/login/", timeout=5).status_code == 200


def test_the_stream_knows_who_asks_as_the_rest_does(door: FrontDoor, db: Any, places: Iterator[str]) -> None:
    """Who came by TLS is not sent there, and wrong passwords count for the client's address, not for the proxy's."""
    forged = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "http"}
    place = next(places)
    with asking(door, place) as stranger:
        refused = stranger.get(
            f"{url_of(door)}{PATH}", auth=("vera", "a guess"), headers=forged, allow_redirects=False, timeout=10
        )

    assert refused.status_code == 401
    assert refused.json()["errors"][0]["code"] == "authentication_failed"
    assert refused.headers["Strict-Transport-Security"]
    assert [attempt.ip_address for attempt in AccessAttempt.objects.all()] == [place]


@pytest.mark.parametrize("path", ["/admin/login/", "/api/auth/login/"], ids=["the form", "a token"])
def test_attempts_to_log_in_are_limited(door: FrontDoor, db: Any, places: Iterator[str], path: str) -> None:
    """By the proxy, whatever name is tried: the application counts wrong passwords of one name."""
    with asking(door, next(places)) as session:
        session.headers["Referer"] = url_of(door)
        tried = [
            session.post(f"{url_of(door)}{path}", json={"username": f"guess{number}", "password": "x"}, timeout=10)
            for number in range(20)
        ]
        statuses = [answer.status_code for answer in tried]

        assert 429 not in statuses[:10]
        assert 429 in statuses
        assert session.get(f"{url_of(door)}/admin/login/", timeout=5).status_code == 200


def test_a_login_has_a_small_body(door: FrontDoor, places: Iterator[str]) -> None:
    with asking(door, next(places)) as session:
        large = session.post(f"{url_of(door)}/api/auth/login/", data=b"x" * 20_000, timeout=10)

    assert large.status_code == 413
