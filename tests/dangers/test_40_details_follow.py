"""Currency, group and the OTA's reference stayed at their first values: their changes were taken for echoes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.connections.account import calling
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inbound.receipt import receive_notification
from channel_sync.models import ChannelEvent, Conflict, EventStatus, ReservationLink
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.beds24_webhooks import LATER, LATEST, envelope, webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24
from tests.dangers.working import NIGHT, one_round, stay, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

AFTER = timedelta(seconds=10)


def deliver(hotel: ConnectedHotel, body: dict[str, Any], *, is_pms_busy: bool = False) -> ChannelEvent:
    event, _ = receive_notification(hotel.channel_property, parse_webhook(body))
    one_round() if is_pms_busy else work_everything()
    return ChannelEvent.objects.get(id=event.id)


def pull(hotel: ConnectedHotel) -> None:
    with calling(hotel.channel_property) as channel:
        pull_bookings(hotel.channel_property, channel)
    work_everything()


def money() -> tuple[Decimal | None, str]:
    reservation = Reservation.objects.get()
    return reservation.price, reservation.currency


@pytest.fixture
def sold(connected: ConnectedHotel, beds24: RunningSimulator) -> int:
    """A booking of an OTA, in the PMS."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = beds24.controls.book(roomId=2001, **stay())
    pull(connected)
    assert Reservation.objects.get().channel_reference == made["apiReference"]
    return int(made["id"])


@pytest.mark.parametrize("price", [80, 100], ids=["another amount", "the same amount"])
def test_price_and_currency_change_together(connected: ConnectedHotel, price: int) -> None:
    deliver(connected, envelope("booking.created", "1", price=100, currency="USD"))
    assert money() == (Decimal(100), "USD")

    event = deliver(connected, envelope("booking.modified", "2", price=price, currency="GBP", modifiedTime=LATER))

    assert event.status == EventStatus.DONE
    assert money() == (Decimal(price), "GBP")


def test_a_price_of_the_desk_is_not_read_in_another_currency(connected: ConnectedHotel) -> None:
    deliver(connected, envelope("booking.created", "1", price=100, currency="USD"))
    change_reservation(Reservation.objects.get().id, {"price": Decimal(120)})

    deliver(
        connected, envelope("booking.modified", "2", price=80, currency="GBP", modifiedTime=LATER), is_pms_busy=True
    )

    assert money() == (Decimal(80), "GBP")
    conflict = Conflict.objects.get()
    assert (conflict.pms_side["changed"]["price"], conflict.channel_side["stands"]) == ("120.00", ["price"])


def test_a_currency_that_is_left_out_stays(connected: ConnectedHotel) -> None:
    deliver(connected, envelope("booking.created", "1", price=100, currency="USD"))

    deliver(connected, envelope("booking.modified", "2", price=90, modifiedTime=LATER))

    assert money() == (Decimal(90), "USD")


def test_a_currency_without_a_price_says_nothing(connected: ConnectedHotel) -> None:
    deliver(connected, envelope("booking.created", "1", price=100, currency="USD"))

    deliver(connected, envelope("booking.modified", "2", price=None, currency="GBP", modifiedTime=LATER))

    assert money() == (Decimal(100), "USD")


def test_group_and_reference_follow_a_webhook(connected: ConnectedHotel) -> None:
    deliver(connected, webhook())

    event = deliver(connected, webhook(masterId=5000009, apiReference="BDC-2", modifiedTime=LATER))

    reservation, link = Reservation.objects.get(), ReservationLink.objects.get()
    assert event.status == EventStatus.DONE
    assert (reservation.group_reference, reservation.channel_reference) == ("5000009", "BDC-2")
    assert (link.group_id, link.ota_reference) == ("5000009", "BDC-2")
    deliver(connected, webhook(apiReference="BDC-2", modifiedTime=LATEST))
    assert Reservation.objects.get().group_reference == "", "it has left its group"


def test_group_and_reference_follow_a_pull(connected: ConnectedHotel, beds24: RunningSimulator, sold: int) -> None:
    other = beds24.controls.book(roomId=2002, **stay())["id"]
    at_beds24(beds24, sold, after=AFTER, masterId=other, apiReference="BDC-2", channel="expedia")

    pull(connected)

    reservation = Reservation.objects.get(room_type=connected.double)
    assert (reservation.group_reference, reservation.channel_reference, reservation.source) == (
        str(other), "BDC-2", "expedia",
    )  # fmt: skip


def test_what_is_left_out_changes_nothing(connected: ConnectedHotel) -> None:
    deliver(connected, webhook(masterId=5000009, comments="late"))
    body = webhook(numAdult=1, modifiedTime=LATER)
    for name in ("masterId", "apiReference", "channel", "comments"):
        body["booking"].pop(name, None)

    deliver(connected, body)

    reservation, link = Reservation.objects.get(), ReservationLink.objects.get()
    assert (reservation.adults, reservation.group_reference, reservation.channel_reference) == (1, "5000009", "BDC-1")
    assert (reservation.source, reservation.guest_comments, link.group_id) == ("booking", "late", "5000009")
    # The whole of it comes again, and is what is known.
    again = deliver(connected, webhook(numAdult=1, masterId=5000009, comments="late", modifiedTime=LATEST))
    assert (again.status, again.last_error) == (EventStatus.IGNORED, "echo: the PMS itself sent this state")


def test_a_list_without_booking_group_is_no_change(
    connected: ConnectedHotel, beds24: RunningSimulator, sold: int
) -> None:
    at_beds24(beds24, sold, after=AFTER, masterId=sold)
    pull(connected)
    story = {"booking": {**beds24.bookings[0], "bookingGroup": {"master": sold, "ids": [sold]}}, "infoItems": []}

    receive_notification(connected.channel_property, parse_webhook(story))

    changes = ChannelEvent.objects.filter(entity_external_id=str(sold))
    assert changes.count() == 2, "the booking, and its group"


@pytest.mark.parametrize("comments", ["", "late arrival"])
def test_a_link_with_the_hash_of_the_comments_alone(connected: ConnectedHotel, comments: str) -> None:
    """As links were kept before: what they know of the comments holds, and what else is said is applied once."""
    deliver(connected, webhook(comments=comments, masterId=5000009))
    before = Reservation.objects.get()
    kept = hashlib.sha256(comments.encode()).hexdigest() if comments else "none"
    ReservationLink.objects.update(applied_details=kept, group_id="", ota="", ota_reference="")

    once = deliver(connected, webhook(comments=comments, masterId=5000009, modifiedTime=LATER))
    again = deliver(connected, webhook(comments=comments, masterId=5000009, modifiedTime=LATEST))

    assert (once.status, again.status) == (EventStatus.DONE, EventStatus.IGNORED)
    after = Reservation.objects.get()
    assert after.version == before.version, "nothing has changed by it"
    assert ReservationLink.objects.get().group_id == "5000009"


def test_the_first_currency_that_is_said_undoes_no_price_of_the_desk(connected: ConnectedHotel) -> None:
    deliver(connected, envelope("booking.created", "1", price=100))
    change_reservation(Reservation.objects.get().id, {"price": Decimal(120)})

    deliver(
        connected, envelope("booking.modified", "2", price=100, currency="USD", modifiedTime=LATER), is_pms_busy=True
    )

    assert Reservation.objects.get().price == Decimal(120)


def test_a_booking_of_the_desk_keeps_its_source(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    ReservationFactory(room_type=connected.double, check_in=NIGHT, group_reference="the Lovelaces")
    work_everything()

    at_beds24(beds24, beds24.bookings[0]["id"], after=AFTER, numAdult=3)
    pull(connected)

    reservation = Reservation.objects.get()
    assert (reservation.adults, reservation.source, reservation.group_reference) == (3, "PMS", "the Lovelaces")


def test_a_reinstated_booking_has_what_changed_as_it_was_cancelled(connected: ConnectedHotel) -> None:
    deliver(connected, webhook())
    deliver(connected, webhook(status="cancelled", apiReference="BDC-2", modifiedTime=LATER))

    deliver(connected, webhook(apiReference="BDC-2", modifiedTime=LATEST))

    assert Reservation.objects.get().channel_reference == "BDC-2"
