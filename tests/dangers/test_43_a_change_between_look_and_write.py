"""An OTA changed a booking after our look and before our write: in the same field, its change was lost in silence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.models import Conflict, ConflictKind, EventType
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, webhook_of
from tests.dangers.working import NIGHT, stay, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

NOW, LONGER = timedelta(0), NIGHT + timedelta(days=5)


@pytest.fixture
def sold(connected: ConnectedHotel, beds24: RunningSimulator) -> dict[str, Any]:
    """A booking of an OTA that both sides have."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = beds24.controls.book(roomId=2001, channel="booking", price=240, firstName="Ada", lastName="L", **stay())
    webhook_of(connected, made)
    work_everything()
    return made


@pytest.fixture
def in_between(
    beds24: RunningSimulator, sold: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, Any]]]:
    """Let the OTA change the booking when our next write has looked and has not been sent; what its webhook says."""

    def prepare(**changes: Any) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        write = Beds24Channel.write_bookings

        def late(*args: Any, **kwargs: Any) -> Any:
            if not said:
                said.append(copy.deepcopy(at_beds24(beds24, sold["id"], after=NOW, **changes)))
            return write(*args, **kwargs)

        monkeypatch.setattr(Beds24Channel, "write_bookings", late)
        return said

    return prepare


def both_changed(connected: ConnectedHotel, said: list[dict[str, Any]], desk: dict[str, Any]) -> None:
    change_reservation(Reservation.objects.get().id, desk)
    work_everything()
    webhook_of(connected, said[0], EventType.BOOKING_MODIFIED)
    work_everything()


def test_what_belongs_to_the_ota_is_put_back(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, in_between: Callable[..., Any]
) -> None:
    said = in_between(departure=str(LONGER))
    both_changed(connected, said, {"check_out": NIGHT + timedelta(days=3)})

    assert Reservation.objects.get().check_out == LONGER
    assert beds24.bookings[0]["departure"] == str(LONGER)
    found = Conflict.objects.get()
    assert found.kind == ConflictKind.CONCURRENT_CHANGE
    assert found.channel_side["changed"]["dates"][1] == str(LONGER)
    assert found.channel_side["stands"] == ["dates"]


def test_a_click_turns_it_round(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, in_between: Callable[..., Any]
) -> None:
    said = in_between(departure=str(LONGER))
    both_changed(connected, said, {"check_out": NIGHT + timedelta(days=3)})

    resolve_conflict(Conflict.objects.get().id, Resolution.KEEP_PMS, by="ada")
    work_everything()

    assert Reservation.objects.get().check_out == NIGHT + timedelta(days=3)
    assert beds24.bookings[0]["departure"] == str(NIGHT + timedelta(days=3))


def test_what_belongs_to_the_pms_stands_and_is_said(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, in_between: Callable[..., Any]
) -> None:
    said = in_between(notes="a cot")
    both_changed(connected, said, {"notes": "a quiet room"})

    assert Reservation.objects.get().notes == "a quiet room" == beds24.bookings[0]["notes"]
    assert Conflict.objects.get().pms_side["stands"] == ["notes"]


def test_it_is_said_once_however_often_the_webhook_comes(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, in_between: Callable[..., Any]
) -> None:
    said = in_between(price=300)
    both_changed(connected, said, {"price": Decimal(260)})
    conflict = Conflict.objects.get()
    resolve_conflict(conflict.id, Resolution.DISMISS, by="ada")

    webhook_of(connected, {**said[0], "comments": "again"}, EventType.BOOKING_MODIFIED)
    work_everything()

    assert Conflict.objects.count() == 1
    assert Reservation.objects.get().price == Decimal(300) == Decimal(str(beds24.bookings[0]["price"]))


@pytest.mark.parametrize("desk", [{"notes": "a cot"}, {"price": Decimal(260)}])
def test_another_field_is_merged_without_a_conflict(
    connected: ConnectedHotel,
    sold: dict[str, Any],
    beds24: RunningSimulator,
    in_between: Callable[..., Any],
    desk: dict[str, Any],
) -> None:
    said = in_between(departure=str(LONGER))
    both_changed(connected, said, desk)

    reservation = Reservation.objects.get()
    assert reservation.check_out == LONGER
    assert all(getattr(reservation, name) == value for name, value in desk.items())
    assert beds24.bookings[0]["departure"] == str(LONGER)
    assert not Conflict.objects.exists()


def test_a_webhook_from_before_the_look_is_no_change(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    sold = beds24.controls.book(roomId=2001, channel="booking", price=240, **stay())
    webhook_of(connected, at_beds24(beds24, sold["id"], after=-timedelta(seconds=60)))
    work_everything()
    before = copy.deepcopy(at_beds24(beds24, sold["id"], after=-timedelta(seconds=40), price=300))
    at_beds24(beds24, sold["id"], after=-timedelta(seconds=20), price=320)
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})
    work_everything()
    change_reservation(Reservation.objects.get().id, {"price": Decimal(350)})
    work_everything()

    webhook_of(connected, before, EventType.BOOKING_MODIFIED)
    work_everything()

    assert Reservation.objects.get().price == Decimal(350) == Decimal(str(beds24.bookings[0]["price"]))
    assert not Conflict.objects.exists()
