"""A webhook without personal data wiped guest, phone, price and notes; the next edit sent the blanks to Beds24."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.normalization import normalize_booking_event
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.inbound.receipt import receive_notification
from channel_sync.merge.fields import Field
from channel_sync.models import ChannelEvent, ReservationLink
from channel_sync.reconciliation.rules import compare_booking
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.beds24_webhooks import LATER, webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

PERSONAL = ("firstName", "lastName", "email", "phone", "mobile", "country2", "notes", "comments", "price")


@pytest.fixture
def booked(connected: ConnectedHotel, beds24: RunningSimulator) -> dict[str, Any]:
    """A booking of an OTA, with all its fields, that the PMS has."""
    made = beds24.controls.book(
        roomId=int(connected.room_id(connected.double)),
        arrival="2027-03-10", departure="2027-03-12", numAdult=2, firstName="Ada", lastName="Lovelace",
        email="ada@example.org", phone="34600000000", country2="GB", notes="pays cash", comments="late arrival",
        price=240,
    )  # fmt: skip
    deliver(connected, without(made))
    return made


def without(booking: dict[str, Any], *left_out: str, **changes: Any) -> dict[str, Any]:
    """A webhook about a booking that lacks some fields."""
    sent = {name: value for name, value in {**booking, **changes}.items() if name not in left_out}
    return {"timeStamp": LATER, "booking": sent, "infoItems": [], "retries": 0}


def deliver(connected: ConnectedHotel, body: dict[str, Any]) -> None:
    receive_notification(connected.channel_property, parse_webhook(body))
    work_everything()


def shown(reservation: Reservation) -> tuple[Any, ...]:
    reservation.refresh_from_db()
    guest = reservation.guest
    assert guest is not None
    return (
        guest.first_name,
        guest.last_name,
        guest.email,
        guest.phone,
        guest.country,
        reservation.notes,
        reservation.price,
    )


def never_told() -> set[str]:
    """The fields of the one booking that the channel has never told."""
    return {field.value for field in Field} - set(ReservationLink.objects.get().bases["channel"])


WHOLE = ("Ada", "Lovelace", "ada@example.org", "34600000000", "GB", "pays cash", Decimal("240.00"))


def test_what_a_webhook_leaves_out_stays_as_it_is(
    connected: ConnectedHotel, beds24: RunningSimulator, booked: dict[str, Any]
) -> None:
    changed = beds24.controls.change(booked["id"], departure="2027-03-13")

    deliver(connected, without(changed, *PERSONAL))

    reservation = Reservation.objects.get()
    assert str(reservation.check_out) == "2027-03-13"
    assert shown(reservation) == WHOLE
    assert reservation.guest_comments == "late arrival"


def test_what_a_webhook_says_is_empty_is_emptied(
    connected: ConnectedHotel, beds24: RunningSimulator, booked: dict[str, Any]
) -> None:
    changed = beds24.controls.change(booked["id"], notes="", comments="")

    deliver(connected, without(changed))

    reservation = Reservation.objects.get()
    assert (reservation.notes, reservation.guest_comments) == ("", "")


def test_what_a_channel_never_told_is_not_sent_back_empty(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(
        roomId=int(connected.room_id(connected.double)),
        arrival="2027-03-10", departure="2027-03-12", firstName="Ada", lastName="Lovelace", phone="34600000000",
        notes="pays cash", price=240,
    )  # fmt: skip
    deliver(connected, without(made, *PERSONAL))
    reservation = Reservation.objects.get()
    assert never_told() == {"guest_name", "email", "phone", "country", "notes", "price"}

    change_reservation(reservation.id, {"children": 1})
    work_everything()

    (booking,) = beds24.bookings
    assert (booking["numChild"], booking["firstName"], booking["phone"]) == (1, "Ada", "34600000000")
    assert (booking["notes"], booking["price"]) == ("pays cash", 240)


def test_what_the_desk_fills_in_is_sent(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(
        roomId=int(connected.room_id(connected.double)), arrival="2027-03-10", departure="2027-03-12", notes=""
    )
    deliver(connected, without(made, *PERSONAL))
    reservation = Reservation.objects.get()

    change_reservation(reservation.id, {"notes": "cot in the room"})
    work_everything()

    assert beds24.bookings[0]["notes"] == "cot in the room"


def test_a_later_pull_brings_what_the_webhook_left_out(
    connected: ConnectedHotel, beds24: RunningSimulator, booked: dict[str, Any]
) -> None:
    Reservation.objects.all().delete()
    ReservationLink.objects.all().delete()
    ChannelEvent.objects.all().delete()
    deliver(connected, without(booked, *PERSONAL))

    deliver(connected, without(booked))

    assert shown(Reservation.objects.get()) == WHOLE
    assert never_told() == set()


def test_a_comparison_finds_no_difference_in_what_is_left_out(
    connected: ConnectedHotel, booked: dict[str, Any]
) -> None:
    reservation = Pms().reservation(Reservation.objects.get().id)
    booking = normalize_booking_event(without(booked, *PERSONAL, "roomQty", "numAdult"))

    assert compare_booking(booking, reservation, connected.room_id(connected.double), date.today()) == ()


def test_an_echo_without_personal_data_is_an_echo(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The webhook of our own write, from a property whose webhooks name no guest."""
    reservation = sent(connected, beds24)
    (booking,) = beds24.bookings

    deliver(connected, without(booking, *PERSONAL, modifiedTime="2027-01-01T00:00:00Z"))

    last = ChannelEvent.objects.filter(direction="inbound").latest("received_at")
    assert (last.status, last.last_error) == ("ignored", "echo: the PMS itself sent this state")
    assert shown(reservation)[0] != ""


def sent(connected: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    made: Reservation = ReservationFactory(room_type=connected.double)
    work_everything()
    assert len(beds24.bookings) == 1
    return made


def test_the_envelope_may_leave_fields_out_too(
    connected: ConnectedHotel, beds24: RunningSimulator, booked: dict[str, Any]
) -> None:
    changed = beds24.controls.change(booked["id"], departure="2027-03-14")
    told = ("id", "propertyId", "roomId", "status", "arrival", "departure", "modifiedTime")
    body = {"event": "booking.modified", "event_id": "e-1", "data": {name: changed[name] for name in told}}

    deliver(connected, body)

    reservation = Reservation.objects.get()
    assert (str(reservation.check_out), reservation.adults) == ("2027-03-14", 2)
    assert shown(reservation) == WHOLE


def test_a_webhook_that_names_everything_leaves_nothing_out() -> None:
    booking = normalize_booking_event(webhook(country2=None, notes="", mobile=""))

    assert booking.left_out == ()
    assert booking.guest_comments is None
