"""`success: false` was taken for "not created": the booking stood at Beds24, and came back as a second reservation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from channel_sync.channels.beds24 import booking_items, calendar_calls
from channel_sync.channels.beds24.booking_items import write_result
from channel_sync.channels.beds24.calendar import availability_rooms
from channel_sync.channels.beds24.wire import WireItemResult, read
from channel_sync.channels.canonical import AvailabilityRange, BookingWrite, WriteOutcome
from channel_sync.models import ChannelEvent, EventStatus, EventType, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, work_everything
from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory
from tests.integration.test_beds24_client import push

CREATE, CHANGE = BookingWrite("k", None, push()), BookingWrite("k", "90900001", push())
REFUSED_ITEM = {"action": "new info item", "field": "text", "message": "invalid"}
WARNING = {"field": "voucher", "message": "Invalid"}


def judged(write: BookingWrite, **answer: object) -> tuple[WriteOutcome, str, tuple[str, ...]]:
    result = write_result(write, read(WireItemResult, answer))
    return result.outcome, result.external_id, result.warnings


def test_an_id_means_created_whatever_success_says() -> None:
    created = WriteOutcome.CREATED, "90900001", ("text: invalid",)
    told = [{"action": "new booking", "id": 90900001, "message": "added new booking"}]

    assert judged(CREATE, success=False, new={"id": 90900001}, errors=[REFUSED_ITEM]) == created
    assert judged(CREATE, success=False, info=told, errors=[REFUSED_ITEM]) == created
    assert judged(CREATE, success=True, new={"id": "90900001"}) == (WriteOutcome.CREATED, "90900001", ())


def test_a_change_of_which_a_part_was_refused_is_a_change() -> None:
    changed = judged(CHANGE, success=False, modified={"id": 90900001}, errors=[REFUSED_ITEM])

    assert changed == (WriteOutcome.CHANGED, "90900001", ("text: invalid",))


def test_warnings_of_what_was_taken_are_kept() -> None:
    taken = judged(CREATE, success=True, new={"id": 90900001}, warnings=[WARNING])

    assert taken == (WriteOutcome.CREATED, "90900001", ("voucher: Invalid",))


@pytest.mark.parametrize("write", [CREATE, CHANGE])
def test_a_refusal_with_nothing_but_a_warning_says_why(write: BookingWrite) -> None:
    result = write_result(write, read(WireItemResult, {"success": False, "warnings": [WARNING]}))

    assert result.outcome is WriteOutcome.REFUSED
    assert "voucher: Invalid" in str(result.refused)


@pytest.mark.django_db
@pytest.mark.nonconforming("requests", reason="an info item that is refused")
def test_a_booking_whose_info_item_is_refused_is_one_confirmed_reservation(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking_items, "KEY_INFO_CODE", "")
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)

    work_everything()
    monkeypatch.undo()
    beds24.controls.change(beds24.bookings[0]["id"], numChild=1)
    Reservation.objects.get().save()
    work_everything()

    (booking,) = beds24.bookings
    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
    assert ReservationLink.objects.get().external_id == str(booking["id"])
    event = ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE)
    assert (event.status, event.warnings) == (EventStatus.DONE, ["code: invalid"])


@pytest.mark.django_db
@pytest.mark.nonconforming("requests", reason="a field that Beds24 drops")
def test_warnings_of_a_calendar_are_kept_with_its_event(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_slip(ranges: Sequence[AvailabilityRange]) -> list[dict[str, Any]]:
        return [
            {**room, "calendar": [{**days, "numAvial": 1} for days in room["calendar"]]}
            for room in availability_rooms(ranges)
        ]

    monkeypatch.setattr(calendar_calls, "availability_rooms", with_a_slip)
    MaintenanceBlockFactory(room=RoomFactory(room_type=connected.double), start=NIGHT, end=NIGHT + timedelta(days=1))

    work_everything()

    event = ChannelEvent.objects.get(event_type=EventType.AVAILABILITY_UPDATE)
    room = connected.room_id(connected.double)
    assert (event.status, event.warnings) == (EventStatus.DONE, [f"room {room}: numAvial: unknown field"])
