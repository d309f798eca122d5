"""The simulator behaves as the API does, also where that is odd."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from tests.conftest import RunningSimulator

ARRIVAL = date.today() + timedelta(days=30)
STAY = {"arrival": str(ARRIVAL), "departure": str(ARRIVAL + timedelta(days=2))}


class Api:
    """Bare HTTP calls with a token."""

    def __init__(self, address: str) -> None:
        self._base = f"{address}/v2"
        tokens = self.call("GET", "/authentication/setup", headers={"code": "DEMO-INVITE-CODE"})
        self.headers = {"token": tokens["token"]}

    def call(self, method: str, path: str, **content: Any) -> Any:
        return self.answer(method, path, **content).json()

    def answer(self, method: str, path: str, **content: Any) -> requests.Response:
        headers = content.pop("headers", None) or self.headers
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self._base + path, headers=headers, timeout=5, **content)

    def num_avail(self, room_id: int = 2001) -> int:
        query = {"roomId": room_id, "startDate": STAY["arrival"], "endDate": STAY["arrival"], "includeNumAvail": "true"}
        return int(self.call("GET", "/inventory/rooms/calendar", params=query)["data"][0]["calendar"][0]["numAvail"])


@pytest.fixture
def api(beds24: RunningSimulator) -> Api:
    return Api(beds24.address)


def test_a_call_without_a_token_is_a_401_with_an_error_object(api: Api) -> None:
    answer = api.answer("GET", "/properties", headers={"token": "x"})

    assert answer.status_code == 401
    assert answer.json() == {"success": False, "type": "error", "code": 401, "error": "Token not valid"}


def test_without_filters_only_upcoming_bookings_come_back_and_none_cancelled(
    api: Api, beds24: RunningSimulator
) -> None:
    upcoming = beds24.controls.book(roomId=2001, **STAY)
    beds24.controls.book(roomId=2001, arrival="2020-01-01", departure="2020-01-02")
    beds24.controls.change(beds24.controls.book(roomId=2001, **STAY)["id"], status="cancelled")

    assert [booking["id"] for booking in api.call("GET", "/bookings")["data"]] == [upcoming["id"]]


@pytest.mark.nonconforming("requests", reason="an item is wrong")
def test_a_post_judges_each_item(api: Api) -> None:
    good, bad = api.call("POST", "/bookings", json=[{"roomId": 2001, **STAY}, {"roomId": 2001, "arrival": "x"}])

    assert good["success"] is True
    assert good["new"]["id"]
    assert bad["success"] is False
    assert bad["errors"][0]["field"]


def test_a_booking_lowers_num_avail_and_a_cancellation_raises_it(api: Api) -> None:
    (made,) = api.call("POST", "/bookings", json=[{"roomId": 2001, "roomQty": 3, **STAY}])
    assert api.num_avail() == 7

    api.call("POST", "/bookings", json=[{"id": made["new"]["id"], "status": "cancelled"}])
    assert api.num_avail() == 10


@pytest.mark.parametrize(("status", "left"), [("inquiry", 10), ("black", 9), ("request", 9), ("new", 9)])
def test_which_statuses_take_a_room(api: Api, status: str, left: int) -> None:
    api.call("POST", "/bookings", json=[{"roomId": 2001, "status": status, **STAY}])

    assert api.num_avail() == left


def test_check_availability_refuses_a_full_room(api: Api) -> None:
    (refused,) = api.call(
        "POST", "/bookings", json=[{"roomId": 2003, "roomQty": 3, "actions": {"checkAvailability": True}, **STAY}]
    )

    assert refused["errors"][0]["message"] == "no availability"
    assert api.num_avail(2003) == 2


def test_equal_days_come_as_one_range_and_to_is_included(api: Api) -> None:
    night = str(ARRIVAL + timedelta(days=1))
    day = {"from": night, "to": night, "numAvail": 4}
    api.call("POST", "/inventory/rooms/calendar", json=[{"roomId": 2001, "calendar": [day]}])
    query = {
        "roomId": 2001,
        "startDate": STAY["arrival"],
        "endDate": str(ARRIVAL + timedelta(days=3)),
        "includeNumAvail": "true",
    }

    (room,) = api.call("GET", "/inventory/rooms/calendar", params=query)["data"]

    assert [(day["from"], day["to"], day["numAvail"]) for day in room["calendar"]] == [
        (STAY["arrival"], STAY["arrival"], 10),
        (night, night, 4),
        (str(ARRIVAL + timedelta(days=2)), str(ARRIVAL + timedelta(days=3)), 10),
    ]


def test_only_what_an_include_flag_asks_for_is_shown(api: Api) -> None:
    query = {"startDate": STAY["arrival"], "endDate": STAY["arrival"], "roomId": 2001}

    (asked,) = api.call("GET", "/inventory/rooms/calendar", params={**query, "includeMinStay": "true"})["data"]
    (nothing,) = api.call("GET", "/inventory/rooms/calendar", params=query)["data"]

    assert asked["calendar"] == [{"from": STAY["arrival"], "to": STAY["arrival"], "minStay": 1}]
    assert nothing["calendar"] == []


def test_credits_run_out_with_a_429_until_the_window_resets(api: Api, beds24: RunningSimulator) -> None:
    account = beds24.simulator.state.accounts[901]
    account.credit_limit, account.window_seconds = 3, 1
    answers = [api.answer("GET", "/properties") for _ in range(4)]

    assert [answer.status_code for answer in answers][-1] == 429
    assert float(answers[-1].headers["x-five-min-limit-remaining"]) == 0
    time.sleep(float(answers[-1].headers["x-five-min-limit-resets-in"]))
    assert api.answer("GET", "/properties").status_code == 200


def test_dropping_the_connection_after_the_effect(api: Api, beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="drop_after", method="POST")

    with pytest.raises(requests.ConnectionError):
        api.call("POST", "/bookings", json=[{"roomId": 2001, **STAY}])
    assert len(beds24.bookings) == 1


class Receiver:
    """A web server that takes webhooks, and fails the first ones when told."""

    def __init__(self, failures: int = 0) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.failures = failures
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                self.send_response(500 if len(receiver.received) <= receiver.failures else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.received) == count

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Any:
    made = Receiver()
    yield made
    made.close()


def test_a_change_sends_a_webhook_with_the_whole_booking(beds24: RunningSimulator, receiver: Receiver) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {"X-Secret": "s"})

    booking = beds24.controls.book(roomId=2001, lastName="Lovelace", **STAY)
    receiver.wait_for(1)

    headers, body = receiver.received[0]
    sent = requests.models.complexjson.loads(body)
    assert headers["X-Secret"] == "s"
    assert (sent["booking"]["id"], sent["booking"]["lastName"], sent["retries"]) == (booking["id"], "Lovelace", 0)


def test_a_webhook_that_was_not_taken_is_sent_again_with_its_number(
    beds24: RunningSimulator, receiver: Receiver
) -> None:
    receiver.failures = 1
    beds24.controls.set_webhook("1001", receiver.url, {})

    beds24.controls.book(roomId=2001, **STAY)
    receiver.wait_for(2)

    assert [requests.models.complexjson.loads(body)["retries"] for _, body in receiver.received] == [0, 1]


def test_writes_through_the_api_send_webhooks_only_when_asked(
    api: Api, beds24: RunningSimulator, receiver: Receiver
) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {})

    api.call("POST", "/bookings", json=[{"roomId": 2001, **STAY}])
    api.call("POST", "/bookings", json=[{"roomId": 2001, "actions": {"allowWebhooks": True}, **STAY}])
    receiver.wait_for(1)


def test_copies_and_the_inventory_webhook(beds24: RunningSimulator, receiver: Receiver) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {})
    beds24.simulator.faults.webhooks.copies = 3
    beds24.controls.book(roomId=2001, **STAY)
    receiver.wait_for(3)

    beds24.controls.set_availability("2001", ARRIVAL, 1)
    receiver.wait_for(4)

    assert requests.models.complexjson.loads(receiver.received[3][1]) == {
        "roomId": "2001",
        "propId": "1001",
        "ownerId": "901",
        "action": "SYNC_ROOM",
    }
