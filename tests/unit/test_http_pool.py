"""The calls of all events share the connections of their process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from channel_sync.channels.beds24.transport import Beds24Options, Transport, is_reachable
from channel_sync.errors import ChannelUnavailable
from tests.http_counter import Counter, counting


@pytest.fixture
def server() -> Iterator[Counter]:
    with counting() as counter:
        yield counter


def transport_to(server: Counter) -> Transport:
    """What every event makes anew."""
    return Transport(Beds24Options(base_url=server.url, connect_timeout=2, read_timeout=2))


def get(server: Counter, path: str = "/bookings") -> None:
    transport_to(server).call("GET", path, headers={"token": "secret"})


def post(server: Counter, path: str = "/bookings") -> None:
    transport_to(server).call("POST", path, headers={"token": "secret"}, json=[{}])


def test_the_calls_of_twenty_events_and_the_health_check_share_one_connection(server: Counter) -> None:
    for number in range(20):
        get(server, f"/bookings/{number}")
    assert is_reachable(Beds24Options(base_url=server.url), timeout=2)
    assert len(server.requests) == 21
    assert len(server.connections) == 1


def test_threads_call_side_by_side_and_keep_their_connections(server: Counter) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: get(server, f"/{number}"), range(200)))
    assert len(server.requests) == 200
    assert len(server.connections) <= 8


def test_nothing_of_an_account_stays_in_the_pool(server: Counter) -> None:
    get(server)
    transport_to(server).call("GET", "/properties", headers={})
    _, _, headers = server.requests[-1]
    assert "Cookie" not in headers
    assert "token" not in headers


def test_a_forked_process_makes_its_own_connection(server: Counter) -> None:
    get(server)
    child = os.fork()
    if child == 0:
        try:
            get(server, "/of-the-child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    get(server, "/of-the-parent")
    assert [path for _, path, _ in server.requests] == ["/bookings", "/of-the-child", "/of-the-parent"]
    assert len(server.connections) == 2


def test_a_connection_that_the_server_has_closed_meanwhile_fails_no_call(server: Counter) -> None:
    get(server)
    server.close_idle()
    post(server)
    assert server.asked("/bookings") == 2
    assert len(server.connections) == 2


def test_a_get_whose_connection_is_closed_under_it_is_made_again_once(server: Counter) -> None:
    server.hang_up_on = {"/bookings"}
    get(server, "/first")
    get(server, "/bookings")
    assert server.asked("/bookings") == 2


@pytest.mark.parametrize("make", [post, lambda server, path="/authentication/setup": get(server, path)])
def test_what_works_once_is_never_sent_twice(server: Counter, make: object) -> None:
    server.hang_up_on = {"/bookings", "/authentication/setup"}
    get(server, "/first")
    with pytest.raises(ChannelUnavailable):
        make(server)  # type: ignore[operator]
    assert len(server.requests) == 2


def test_every_call_names_the_organization_where_there_is_one(server: Counter) -> None:
    options = Beds24Options(base_url=server.url, organization="acme-hotels")
    Transport(options).call("GET", "/bookings", headers={"token": "secret"})
    assert is_reachable(options, timeout=2)
    assert [headers.get("organization") for _, _, headers in server.requests] == ["acme-hotels"] * 2
    get(server)
    assert "organization" not in server.requests[-1][2]
