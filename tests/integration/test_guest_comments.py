"""A guest's own words come from the OTA, are shown with the reservation, and never go back."""

from __future__ import annotations

import pytest

from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.inbound.receipt import receive_notification
from channel_sync.models import ChannelEvent, EventStatus
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db
WORDS = "late arrival, children of 3 and 5. PRE-PAID"


def deliver(connected: ConnectedHotel, booking: dict[str, object]) -> ChannelEvent:
    body = {"timeStamp": "2026-11-01T12:00:05Z", "booking": booking, "infoItems": [], "retries": 0}
    event, _ = receive_notification(connected.channel_property, parse_webhook(body))
    work_everything()
    return ChannelEvent.objects.get(id=event.id)


def test_they_are_kept_beside_the_notes_and_not_sent_back(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    room = int(connected.room_id(connected.double))
    made = beds24.controls.book(
        roomId=room, arrival="2027-03-10", departure="2027-03-12", comments=WORDS, notes="pays cash"
    )
    deliver(connected, made)
    reservation = Reservation.objects.get()
    assert (reservation.guest_comments, reservation.notes) == (WORDS, "pays cash")

    change_reservation(reservation.id, {"notes": "paid"})
    work_everything()

    assert (beds24.bookings[0]["comments"], beds24.bookings[0]["notes"]) == (WORDS, "paid")
    assert all("comments" not in item for call in beds24.posts("/bookings") for item in call["body"])


def test_they_are_taken_from_what_is_an_echo_but_for_them(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double)
    work_everything()
    changed = beds24.controls.change(beds24.bookings[0]["id"], comments=WORDS)

    event = deliver(connected, changed)

    assert event.status == EventStatus.DONE
    assert Reservation.objects.get().guest_comments == WORDS
    changed = beds24.controls.change(beds24.bookings[0]["id"], comments="")
    deliver(connected, {**changed, "modifiedTime": "2027-01-01T00:00:00Z"})
    assert Reservation.objects.get().guest_comments == ""
