"""A few sockets that send one byte stopped every webhook for as long as they were held open.

Behind the proxy of the compose file two hundred of them stop none; without it, a silent one gives its thread back.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

import pytest
import requests
from axes.models import AccessAttempt

from channel_sync.models import ChannelEvent, ChannelProperty
from pms_project import gunicorn
from pms_project.local_services.nginx import PUBLIC_HOST, FrontDoor, front_door
from pms_project.local_services.ports import free_port
from tests.door import BEHIND, asking, send_webhook, web_process

pytestmark = [
    pytest.mark.processes,
    pytest.mark.alone,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(120),
]

SOCKETS = 200
TRICKLE_SECONDS = 0.3
ANSWER_SECONDS = 1.0
# Fewer than the connections that the proxy lets one address have.
STRANGERS = 40
BODY = (
    b"POST /webhooks/beds24/ HTTP/1.1\r\nHost: pms.example\r\n"
    b"Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
)
HEADER = b"GET /admin/ HTTP/1.1\r\nHost: pms.example\r\nX-Long: "


@dataclass(frozen=True)
class Bare:
    """A web process that clients reach themselves."""

    port: int
    log: Path


@pytest.fixture(scope="module")
def door(
    topology_at_broker: None, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    """The proxy before a web process."""
    directory = tmp_path_factory.mktemp("behind_the_door")
    with web_process(directory, **BEHIND) as port, front_door(port, free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def bare(topology_at_broker: None, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    """A web process without a proxy."""
    directory = tmp_path_factory.mktemp("bare")
    with web_process(directory) as port:
        yield Bare(port, directory / "web.log")


class Tricklers:
    """Sockets that send a byte now and then: within the TLS handshake, a header, or a body."""

    def __init__(self, door: FrontDoor, addresses: Iterator[str]) -> None:
        self._context = ssl.create_default_context(cafile=str(door.certificate))
        self._port = door.https_port
        self._stop = threading.Event()
        kinds = cycle([None, HEADER, BODY])
        self.sockets = [self._opened(next(addresses), next(kinds)) for _ in range(SOCKETS)]
        self.lost: set[int] = set()
        self._thread = threading.Thread(target=self._trickle)

    def _opened(self, address: str, first: bytes | None) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=5, source_address=(address, 0))
        if first is None:
            plain.sendall(b"\x16")
            return plain
        secure = self._context.wrap_socket(plain, server_hostname=PUBLIC_HOST)
        secure.sendall(first)
        return secure

    def _trickle(self) -> None:
        while not self._stop.wait(TRICKLE_SECONDS):
            for number, one in enumerate(self.sockets):
                try:
                    one.sendall(b" " if isinstance(one, ssl.SSLSocket) else b"\x03")
                except OSError:
                    self.lost.add(number)

    def __enter__(self) -> Tricklers:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        for one in self.sockets:
            one.close()


@pytest.mark.parametrize("places", [1, SOCKETS], ids=["one address", "as many addresses"])
def test_two_hundred_slow_clients_stop_no_webhook(
    door: FrontDoor, channel_property: ChannelProperty, places: int
) -> None:
    addresses = cycle([f"127.0.1.{number % 250 + 1}" for number in range(places)])
    url = f"https://127.0.0.1:{door.https_port}"
    with asking(door) as session, Tricklers(door, addresses) as slow:
        seconds = [send_webhook(session, url, channel_property)]
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            seconds.append(send_webhook(session, url, channel_property))
            time.sleep(0.1)
        assert session.get(f"{url}/admin/login/", timeout=5).status_code == 200
        held = SOCKETS - len(slow.lost)

    assert max(seconds) < ANSWER_SECONDS
    assert held > (SOCKETS * 0.9 if places > 1 else SOCKETS / 2)
    assert ChannelEvent.objects.count() == len(seconds)


@pytest.mark.parametrize("way", ["for a token", "with each request"])
def test_a_flood_of_wrong_passwords_stops_no_webhook(
    door: FrontDoor, channel_property: ChannelProperty, way: str
) -> None:
    """Each is of another login, so no login is locked; a password that is hashed takes a thread."""
    url = f"https://127.0.0.1:{door.https_port}"
    over, answers = threading.Event(), Counter[int]()

    def guess(stranger: int) -> None:
        with asking(door, "127.0.0.66") as session:
            for number in count():
                login = f"{stranger}-{number}"
                if over.is_set():
                    return
                if way == "for a token":
                    body = {"username": login, "password": "guess"}
                    answer = session.post(f"{url}/api/auth/login/", json=body, timeout=60)
                else:
                    answer = session.get(f"{url}/api/admin/events/", auth=(login, "guess"), timeout=60)
                answers[answer.status_code] += 1

    with asking(door) as session, ThreadPoolExecutor(STRANGERS) as strangers:
        send_webhook(session, url, channel_property)
        guessing = [strangers.submit(guess, number) for number in range(STRANGERS)]
        time.sleep(2)
        seconds = [send_webhook(session, url, channel_property) for _ in range(4)]
        over.set()
        for one in guessing:
            one.result(60)

    assert max(seconds) < ANSWER_SECONDS, (seconds, answers)
    assert answers.keys() == {401, 429}


def test_without_the_proxy_silent_clients_give_their_threads_back(
    bare: Bare, channel_property: ChannelProperty
) -> None:
    with ExitStack() as stack, requests.Session() as session:
        session.trust_env = False
        url = f"http://127.0.0.1:{bare.port}"
        session.headers["Connection"] = "close"
        send_webhook(session, url, channel_property)
        for _ in range(gunicorn.workers * gunicorn.threads):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", bare.port)))
            held.sendall(b"P")

        # As many as there are threads; where one worker took more than it has, some wait in line for their turn.
        assert send_webhook(session, url, channel_property) < 4 * gunicorn.RECEIVE_SECONDS


def test_the_proxy_says_who_asks_and_nobody_else(door: FrontDoor) -> None:
    url = f"https://127.0.0.1:{door.https_port}/api/room-types/"
    forged = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "http", "Forwarded": "for=198.51.100.1"}
    with asking(door, "127.0.0.77") as stranger:
        refused = stranger.get(url, auth=("ada", "a guess"), headers=forged, timeout=10)

    assert refused.status_code in (401, 403)
    assert [attempt.ip_address for attempt in AccessAttempt.objects.all()] == ["127.0.0.77"]


def test_without_a_proxy_nobody_is_believed(bare: Bare) -> None:
    """A request that claims to have come by TLS is none, and the address that it names is not counted."""
    claims = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    with requests.Session() as session:
        session.trust_env = False
        url = f"http://127.0.0.1:{bare.port}/api/room-types/"
        refused = session.get(url, auth=("ada", "a guess"), headers=claims, timeout=10)

    assert refused.status_code in (401, 403)
    assert "Strict-Transport-Security" not in refused.headers  # which only answers by TLS carry
    assert [attempt.ip_address for attempt in AccessAttempt.objects.all()] == ["127.0.0.1"]


def test_what_the_door_lets_in(door: FrontDoor, channel_property: ChannelProperty) -> None:
    (door.static / "file.css").write_text("a {}")
    url = f"https://127.0.0.1:{door.https_port}"
    plain = f"http://127.0.0.1:{door.http_port}"
    with asking(door) as session:
        page = session.get(f"{url}/admin/login/", timeout=5)
        assert page.status_code == 200
        assert page.headers["Server"] == "nginx"
        assert page.headers["Strict-Transport-Security"]
        moved = session.get(f"{plain}/admin/", timeout=5, allow_redirects=False)
        assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{PUBLIC_HOST}/admin/")
        assert session.get(f"{url}/static/file.css", timeout=5).text == "a {}"
        assert session.get(f"{url}/metrics", timeout=5).status_code == 404
        large = session.post(f"{url}/webhooks/beds24/", data=b"x" * 2_000_000, timeout=5)
        assert large.status_code == 413
        large = session.post(f"{url}/api/reservations/", data=b"x" * 4_000_000, timeout=5)
        assert large.status_code == 413
        with pytest.raises(requests.ConnectionError):
            session.get(f"{plain}/", headers={"Host": "elsewhere.example"}, timeout=5)


def test_a_body_that_stops_coming_is_a_bad_request(bare: Bare) -> None:
    chunked = BODY.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked").replace(b"{", b"1\r\n{\r\n")
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", bare.port), timeout=20)) for _ in range(2)]
        for one, first in zip(held, (BODY, chunked), strict=True):
            one.sendall(first)
        statuses = [one.recv(100).split(b" ")[1] for one in held]

    assert statuses == [b"400", b"408"]
    assert "Traceback" not in bare.log.read_text()
