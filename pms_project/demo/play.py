"""What the demo plays, and how it judges what came out of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pms_project.demo.parties import PmsApi, SimulatedBeds24

PATIENCE_SECONDS = 45
POLL_SECONDS = 0.3
KEY_CODE = "CHANNELSYNC"


@dataclass
class Scene:
    """Both sides, the room type that is played with, how they are compared, and what failed."""

    pms: PmsApi
    beds24: SimulatedBeds24
    room_type: str
    room: str
    reconcile: Callable[[], object]
    failed: list[str] = field(default_factory=list)

    def expect(self, what: str, condition: Callable[[], bool]) -> bool:
        """Wait for something to come true, and tell."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > PATIENCE_SECONDS:
                print(f"  FAILED  {what}", flush=True)
                self.failed.append(what)
                return False
            time.sleep(POLL_SECONDS)
        print(f"  ok      {what} ({time.monotonic() - started:.1f} s)", flush=True)
        return True


def play(scene: Scene) -> list[str]:
    """Play everything; returns the names of what failed."""
    for act in (_booking_of_an_ota, _lost_webhook, _reservation_of_the_pms, _maintenance, _fault):
        act(scene)
    return scene.failed


def _booking_of_an_ota(scene: Scene) -> None:
    print("An OTA sells a room at Beds24", flush=True)
    check_in = date.today() + timedelta(days=30)
    booking = scene.beds24.book(
        roomId=int(scene.room),
        arrival=str(check_in),
        departure=str(check_in + timedelta(days=3)),
        firstName="Ada",
        lastName="Lovelace",
        numAdult=2,
        price=360,
    )
    reference = str(booking["apiReference"])

    def arrived(**wanted: Any) -> bool:
        found = scene.pms.of_ota(reference)
        return len(found) == 1 and all(found[0][name] == value for name, value in wanted.items())

    scene.expect("the booking is a reservation in the PMS", lambda: arrived(status="CONFIRMED", price="360.00"))
    _expect_equal_availability(scene, check_in)
    longer = str(check_in + timedelta(days=5))
    scene.beds24.change(booking["id"], departure=longer, price=600)
    scene.expect("its change arrives", lambda: arrived(check_out=longer, price="600.00"))
    _expect_equal_availability(scene, check_in)
    scene.beds24.change(booking["id"], status="cancelled")
    scene.expect("its cancellation arrives", lambda: arrived(status="CANCELLED"))
    _expect_equal_availability(scene, check_in)


def _lost_webhook(scene: Scene) -> None:
    print("An OTA sells a room, and the webhook never comes", flush=True)
    check_in = date.today() + timedelta(days=45)
    scene.beds24.behave(copies=0)
    booking = scene.beds24.book(
        roomId=int(scene.room), arrival=str(check_in), departure=str(check_in + timedelta(days=2)), lastName="Hamilton"
    )
    scene.beds24.behave(copies=1)
    scene.reconcile()
    scene.expect("the reconciliation finds the booking", lambda: len(scene.pms.of_ota(booking["apiReference"])) == 1)
    _expect_equal_availability(scene, check_in)


def _reservation_of_the_pms(scene: Scene) -> None:
    print("The front desk makes a reservation", flush=True)
    check_in = date.today() + timedelta(days=60)
    reservation = _reserve(scene, check_in)

    def booked(**wanted: Any) -> bool:
        found = _bookings_of(scene, check_in)
        return len(found) == 1 and all(found[0][name] == value for name, value in wanted.items())

    scene.expect("it is a booking at Beds24, once", lambda: booked(status="confirmed", lastName="Hopper"))
    scene.expect("it carries its idempotency key", lambda: _carries_key(scene, check_in))
    scene.expect("it is confirmed in the PMS", lambda: _status(scene, reservation) == "CONFIRMED")
    _expect_equal_availability(scene, check_in)
    scene.pms.change(reservation, check_out=str(check_in + timedelta(days=4)))
    scene.expect("its change reaches Beds24", lambda: booked(departure=str(check_in + timedelta(days=4))))
    _expect_equal_availability(scene, check_in)
    scene.pms.cancel(reservation)
    scene.expect("its cancellation reaches Beds24", lambda: booked(status="cancelled"))
    _expect_equal_availability(scene, check_in)


def _maintenance(scene: Scene) -> None:
    print("A room is taken out of order, and somebody changes the calendar at Beds24", flush=True)
    start = date.today() + timedelta(days=75)
    before = scene.beds24.availability(scene.room, start, start + timedelta(days=2))
    scene.pms.take_out_of_order(scene.room_type, start, start + timedelta(days=2))

    def one_less() -> bool:
        now = scene.beds24.availability(scene.room, start, start + timedelta(days=2))
        return now == {night: units - 1 for night, units in before.items()}

    scene.expect("Beds24 has one room less", one_less)
    scene.beds24.set_availability(scene.room, start, 99)
    scene.expect("the change at Beds24 is set back", one_less)
    _expect_equal_availability(scene, start)


def _fault(scene: Scene) -> None:
    print("Beds24 creates a booking, and the answer is lost", flush=True)
    check_in = date.today() + timedelta(days=90)
    scene.beds24.fail_next(kind="drop_after", method="POST", path="/bookings")
    reservation = _reserve(scene, check_in)
    scene.expect("the reservation is confirmed all the same", lambda: _status(scene, reservation) == "CONFIRMED")
    scene.expect("and booked once", lambda: len(_bookings_of(scene, check_in)) == 1)
    _expect_equal_availability(scene, check_in)


def _reserve(scene: Scene, check_in: date) -> str:
    made = scene.pms.reserve(
        room_type=scene.room_type,
        check_in=str(check_in),
        check_out=str(check_in + timedelta(days=2)),
        price="240.00",
        guest={"first_name": "Grace", "last_name": "Hopper"},
    )
    return str(made["id"])


def _status(scene: Scene, reservation: str) -> str:
    return str(scene.pms.reservation(reservation)["status"])


def _bookings_of(scene: Scene, check_in: date) -> list[dict[str, Any]]:
    return [booking for booking in scene.beds24.bookings() if booking["arrival"] == str(check_in)]


def _carries_key(scene: Scene, check_in: date) -> bool:
    """The key that was sent as a header is written in the booking."""
    keys = {call["idempotencyKey"] for call in scene.beds24.calls() if call["path"] == "/bookings"}
    written = {
        item["text"]
        for booking in _bookings_of(scene, check_in)
        for item in booking["infoItems"]
        if item["code"] == KEY_CODE
    }
    return len(written) == 1 and written <= keys


def _expect_equal_availability(scene: Scene, around: date) -> None:
    start, end = around - timedelta(days=7), around + timedelta(days=21)

    def equal() -> bool:
        ours = scene.pms.availability(scene.room_type, start, end)
        return ours == scene.beds24.availability(scene.room, start, end)

    scene.expect("availability is equal on both sides, night by night", equal)
