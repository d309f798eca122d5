"""An OTA that changed a booking and changed it back was taken for an echo of what we had sent once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.models import Direction, EventType
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, webhook_of, work_only
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory
from tests.integration.test_webhook_view import HEADER, post

pytestmark = pytest.mark.django_db

# Beds24 counts whole seconds: each change gets one of its own.
FIRST, SECOND = timedelta(seconds=10), timedelta(seconds=20)
TWO_NIGHTS, FIVE_NIGHTS = NIGHT + timedelta(days=2), NIGHT + timedelta(days=5)


@pytest.fixture
def ours(connected: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """Two nights that the desk sold and the channel has."""
    plenty_of_credits(beds24.simulator.state, connected)
    made: Reservation = ReservationFactory(
        room_type=connected.double, check_in=NIGHT, status=ReservationStatus.PENDING_SYNC
    )
    work_everything()
    made.refresh_from_db()
    return made


@pytest.fixture
def theirs(connected: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """Two nights that an OTA sold, and whose state the desk has sent with a note."""
    plenty_of_credits(beds24.simulator.state, connected)
    webhook_of(connected, beds24.controls.book(roomId=2001, **stay()))
    work_everything()
    made = Reservation.objects.get()
    change_reservation(made.id, {"notes": "a cot"})
    work_everything()
    return made


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_back_to_what_we_sent_once_is_not_undone_by_a_note(
    request: pytest.FixtureRequest, connected: ConnectedHotel, beds24: RunningSimulator, whose: str
) -> None:
    reservation: Reservation = request.getfixturevalue(whose)
    (booking,) = beds24.bookings
    extended = at_beds24(beds24, booking["id"], after=FIRST, **stay(nights=5))
    webhook_of(connected, extended, EventType.BOOKING_MODIFIED)
    work_everything()
    reservation.refresh_from_db()
    assert reservation.check_out == FIVE_NIGHTS

    # Back to two nights, and before its webhook comes the desk writes a note.
    at_beds24(beds24, booking["id"], after=SECOND, **stay(nights=2))
    change_reservation(reservation.id, {"notes": "late arrival"})
    work_everything()

    reservation.refresh_from_db()
    assert (beds24.bookings[0]["departure"], reservation.check_out) == (str(TWO_NIGHTS), TWO_NIGHTS)
    assert units_at_beds24(beds24, night=TWO_NIGHTS) == 10


def test_a_webhook_of_the_way_back_is_applied_while_a_note_waits_to_be_sent(
    ours: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    booking_id = beds24.bookings[0]["id"]
    extended = at_beds24(beds24, booking_id, after=FIRST, **stay(nights=5))
    webhook_of(connected, extended, EventType.BOOKING_MODIFIED)
    work_everything()

    change_reservation(ours.id, {"notes": "late arrival"})
    reverted = at_beds24(beds24, booking_id, after=SECOND, **stay(nights=2))
    webhook_of(connected, reverted, EventType.BOOKING_MODIFIED)
    work_only(Direction.INBOUND)

    ours.refresh_from_db()
    assert ours.check_out == TWO_NIGHTS
    work_everything()
    assert beds24.bookings[0]["departure"] == str(TWO_NIGHTS)


def test_a_late_echo_of_what_we_sent_undoes_no_later_change(
    ours: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The other side of it: the channel has moved on, and only a webhook still shows the earlier state."""
    booking_id = beds24.bookings[0]["id"]
    earlier = dict(at_beds24(beds24, booking_id, after=FIRST))
    change_reservation(ours.id, {"check_out": FIVE_NIGHTS})
    work_everything()
    assert beds24.bookings[0]["departure"] == str(FIVE_NIGHTS)

    change_reservation(ours.id, {"notes": "late arrival"})
    webhook_of(connected, earlier, EventType.BOOKING_MODIFIED)
    work_only(Direction.INBOUND)
    work_everything()

    ours.refresh_from_db()
    assert (beds24.bookings[0]["departure"], ours.check_out) == (str(FIVE_NIGHTS), FIVE_NIGHTS)


def test_a_booking_that_is_reinstated_after_the_desk_cancelled_it_stands(
    ours: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    cancel_reservation(ours.id)
    work_everything()
    (booking,) = beds24.bookings
    assert booking["status"] == "cancelled"

    reinstated = at_beds24(beds24, booking["id"], after=FIRST, status="confirmed")
    webhook_of(connected, reinstated, EventType.BOOKING_MODIFIED)
    work_everything()

    ours.refresh_from_db()
    assert (ours.status, beds24.bookings[0]["status"]) == (ReservationStatus.CONFIRMED, "confirmed")
    assert units_at_beds24(beds24) == 9


def test_there_and_back_within_one_second_ends_where_the_channel_is(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    booking_id = beds24.controls.book(roomId=2001, **stay())["id"]
    stored = beds24.simulator.state.bookings
    for nights in (2, 5, 2):
        beds24.controls.change(booking_id, **stay(nights))
        stored[booking_id]["modifiedTime"] = stored[booking_id]["bookingTime"]
        shown = {name: value for name, value in stored[booking_id].items() if name != "infoItems"}
        assert post({"booking": shown}, headers={HEADER: connected.webhook_secret}).status_code == 200
        work_only(Direction.INBOUND, rounds=2)
    assert Reservation.objects.get().check_out == TWO_NIGHTS

    change_reservation(Reservation.objects.get().id, {"notes": "late arrival"})
    work_everything()

    assert beds24.bookings[0]["departure"] == str(TWO_NIGHTS)
