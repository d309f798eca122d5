"""A host with models of its own names takes bookings and sends stays, by settings and the port alone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from channel_sync.models import OPEN_STATUSES
from pms_project.demo.broker import delete_topology
from pms_project.demo.parties import SimulatedBeds24
from pms_project.local_services import postgres
from pms_project.local_services.ports import free_port
from pms_project.local_services.processes import Processes
from pms_project.local_services.stack import connect, environment, start_all
from tests.end_to_end.installation import OPTIONS

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 40


class Lodge:
    """The second host, its front desk, and Beds24."""

    def __init__(self, processes: Processes, beds24: SimulatedBeds24, kinds: dict[str, str], rooms: dict[str, str]):
        self.processes = processes
        self.beds24 = beds24
        self.kinds = kinds
        self.rooms = rooms

    def desk(self, *command: str) -> str:
        return self.processes.run("lodge_stay", *command).strip()

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.desk("list"))
        return found

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            self.processes.require_alive()
            assert time.monotonic() < deadline, f"{what}: did not happen; {self.told()}"
            time.sleep(0.3)

    def free(self, room: str, night: date) -> int | None:
        return self.beds24.availability(self.rooms[room], night, night + timedelta(days=1)).get(str(night))


@pytest.fixture(scope="module")
def lodge(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodge]:
    directory: Path = tmp_path_factory.mktemp("second_host")
    prefix, web_port, simulator_port = f"e2e-{uuid4().hex[:8]}.", free_port(), free_port()
    with ExitStack() as stack:
        database_url = stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))
        stack.callback(delete_topology, broker_url, prefix)
        variables = environment(
            database_url=database_url,
            broker_url=broker_url,
            simulator_port=simulator_port,
            queue_prefix=prefix,
            options=OPTIONS,
        )
        processes = stack.enter_context(Processes(variables, directory))
        processes.environment["DJANGO_SETTINGS_MODULE"] = "tests.second_host.settings"
        hotel = start_all(
            processes,
            directory,
            hotel_command=["lodge_open"],
            web_port=web_port,
            simulator_port=simulator_port,
            project="tests.second_host",
        )
        beds24 = SimulatedBeds24(f"http://127.0.0.1:{simulator_port}")
        connected = connect(processes, hotel["property"], f"http://127.0.0.1:{web_port}")
        secret = {connected["webhook_header"]: connected["webhook_secret"]}
        beds24.set_webhook("1001", connected["webhook_url"], secret)
        rooms = {found["room_type"]: found["room"] for found in connected["suggestions"]}
        kinds = hotel["room_types"]
        yield Lodge(processes, beds24, kinds, {label: rooms[kind] for label, kind in kinds.items()})


def test_inbound(lodge: Lodge) -> None:
    night = date.today() + timedelta(days=40)
    stay = {"arrival": str(night), "departure": str(night + timedelta(days=3))}
    booking = lodge.beds24.book(roomId=int(lodge.rooms["Double Room"]), price=360, lastName="Lovelace", **stay)

    lodge.until(lambda: len(lodge.told()["stays"]) == 1, "the booking arrives")
    (arrived,) = lodge.told()["stays"]
    assert (arrived["who"], arrived["nights"], arrived["total"]) == ("Lovelace", 3, "360.00")
    assert arrived["kind"] == lodge.kinds["Double Room"]
    lodge.until(lambda: lodge.free("Double Room", night) == 9, "one room less is free at Beds24")

    lodge.beds24.change(booking["id"], departure=str(night + timedelta(days=5)))
    lodge.until(lambda: lodge.told()["stays"][0]["nights"] == 5, "its change arrives")
    lodge.beds24.change(booking["id"], status="cancelled")
    lodge.until(lambda: bool(lodge.told()["stays"][0]["is_cancelled"]), "its cancellation arrives")
    lodge.until(lambda: lodge.free("Double Room", night) == 10, "the room is free again")


def test_outbound(lodge: Lodge) -> None:
    night = date.today() + timedelta(days=60)

    def booked() -> list[dict[str, Any]]:
        return [booking for booking in lodge.beds24.bookings() if booking["arrival"] == str(night)]

    stay = lodge.desk("make", "--kind", lodge.kinds["Suite"], "--first-night", str(night))
    lodge.until(lambda: len(booked()) == 1, "the stay reaches Beds24")
    assert (booked()[0]["lastName"], booked()[0]["price"]) == ("Hopper", 300)
    lodge.until(lambda: lodge.free("Suite", night) == 1, "one suite less is free at Beds24")

    lodge.desk("lengthen", "--stay", stay)
    lodge.until(lambda: booked()[0]["departure"] == str(night + timedelta(days=3)), "its change reaches Beds24")
    lodge.desk("cancel", "--stay", stay)
    lodge.until(lambda: booked()[0]["status"] == "cancelled", "its cancellation reaches Beds24")
    lodge.until(lambda: lodge.free("Suite", night) == 2, "the suite is free again")


def test_nothing_is_left_open(lodge: Lodge) -> None:
    lodge.until(lambda: not set(OPEN_STATUSES) & set(lodge.told()["events"]), "every event is settled")
    told = lodge.told()

    assert "failed" not in told["events"]
    assert told["conflicts"] == 0
