"""A booking was refused for a field: its retry ended ignored, and the reservation could not even be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.simulator import booking_writes as simulated_bookings
from channel_sync.channels.canonical import BookingWrite, WriteResult
from channel_sync.errors import CannotBookAgain, NotEnoughUnits
from channel_sync.events.selection import EventSelection
from channel_sync.inventory.availability import check_availability
from channel_sync.inventory.reaper import expire_holds
from channel_sync.inventory.reopening import Reopened
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    Conflict,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)
from channel_sync.operations import book_again as book_again_module
from channel_sync.operations.book_again import book_again
from channel_sync.operations.event_actions import retry_event, retry_events, retry_selection
from channel_sync.operations.mappings import remove_mapping
from channel_sync.operations.roles import Role
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.crowd import Crowd
from tests.dangers.test_38_a_silent_channel import passes, try_once
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

LAST = NIGHT + timedelta(days=2)
ALL_ROOMS = 10
REFUSED, GOOD = "full@example.com", "grace@example.com"
BOTH = 2


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ConnectedHotel:
    """A hotel at a channel that refuses one address."""
    plenty_of_credits(beds24.simulator.state, connected)
    accept = simulated_bookings.problem_of
    monkeypatch.setattr(
        simulated_bookings,
        "problem_of",
        lambda booking, rooms: (
            ("email", "mailbox not available") if booking.get("email") == REFUSED else accept(booking, rooms)
        ),
    )
    return connected


@pytest.fixture
def failed(hotel: ConnectedHotel) -> Reservation:
    """Refused for the address of its guest."""
    reservation = reserve(hotel, guest={"first_name": "Grace", "last_name": "Hopper", "email": REFUSED})
    work_everything()
    assert state(reservation) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert "mailbox not available" in reservation.failure_reason
    assert create_event(reservation).status == EventStatus.FAILED
    return reservation


@pytest.fixture
def unseen(settings: LazySettings) -> None:
    """No pull shows what the channel has before it is pushed."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pull_before_push": False}


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


def reserve(hotel: ConnectedHotel, **wanted: Any) -> Reservation:
    return create_reservation(NewReservation(hotel.double.id, NIGHT, LAST, **wanted))


def fix(reservation: Reservation) -> None:
    change_reservation(reservation.id, {"guest": {"email": GOOD}})


def state(reservation: Reservation) -> tuple[str, str]:
    reservation.refresh_from_db()
    hold = InventoryHold.objects.filter(reservation_id=reservation.id).order_by("hold_expires_at").last()
    return reservation.status, (hold.status or "") if hold else ""


def create_event(reservation: Reservation) -> ChannelEvent:
    return ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE, entity_internal_id=reservation.id)


def free(hotel: ConnectedHotel) -> int:
    return check_availability(hotel.double.id, NIGHT, LAST)


def is_booked_once(reservation: Reservation, beds24: RunningSimulator) -> None:
    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert reservation.failure_reason == ""
    assert [booking["status"] for booking in beds24.bookings] == ["confirmed"]
    assert not ChannelEvent.objects.filter(entity_internal_id=reservation.id, status=EventStatus.FAILED).exists()
    assert not Conflict.objects.exists()


def test_a_field_is_fixed_and_the_event_retried(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    fix(failed)
    assert beds24.bookings == []
    assert free(hotel) == ALL_ROOMS

    retry_event(create_event(failed), by="ada")
    assert state(failed) == (ReservationStatus.PENDING_SYNC, HoldStatus.ACTIVE)
    assert free(hotel) == ALL_ROOMS - 1

    work_everything()
    is_booked_once(failed, beds24)
    assert create_event(failed).status == EventStatus.DONE
    assert units_at_beds24(beds24) == ALL_ROOMS - 1


def test_a_retry_without_a_fix_fails_again_with_the_reason(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_bookings, "problem_of", lambda *_: ("email", "domain not available"))

    retry_event(create_event(failed), by="ada")
    work_everything()

    assert state(failed) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert "domain not available" in failed.failure_reason
    event = create_event(failed)
    assert event.status == EventStatus.FAILED
    assert "domain not available" in (event.last_error or "")
    assert free(hotel) == ALL_ROOMS
    assert beds24.bookings == []


def test_a_retry_finds_the_room_gone(failed: Reservation, hotel: ConnectedHotel) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=LAST, units=ALL_ROOMS)
    event = create_event(failed)

    with pytest.raises(NotEnoughUnits, match="has 0 free units for the whole stay, 1 are wanted"):
        retry_event(event, by="ada")

    outcome = retry_events([event.id], by="ada")
    assert (outcome.selected, outcome.changed, list(outcome.refused)) == (1, 0, [event.id])
    assert create_event(failed).status == EventStatus.FAILED
    assert state(failed) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert "mailbox" in failed.failure_reason
    assert not AuditEntry.objects.filter(action=AuditAction.EVENT_RETRIED).exists()


def test_one_that_finds_no_room_keeps_no_other_from_its_own(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    elsewhere = create_reservation(NewReservation(hotel.single.id, NIGHT, LAST, guest={"email": REFUSED}))
    work_everything()
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=LAST, units=ALL_ROOMS)
    for reservation in (failed, elsewhere):
        fix(reservation)

    outcome = retry_selection(EventSelection(statuses=[EventStatus.FAILED]), by="ada")
    work_everything()

    assert (outcome.selected, outcome.changed, list(outcome.refused)) == (2, 1, [create_event(failed).id])
    assert state(failed)[0] == ReservationStatus.FAILED
    assert state(elsewhere)[0] == ReservationStatus.CONFIRMED
    assert create_event(failed).status == EventStatus.FAILED


@pytest.mark.parametrize("way", ["retry", "replay", "batch-retry", "filter"])
def test_it_is_retried_by_the_api(failed: Reservation, beds24: RunningSimulator, api_of: Any, way: str) -> None:
    fix(failed)
    event = create_event(failed)
    operator = api_of(Role.OPERATOR)
    body: dict[str, Any] = {"batch-retry": {"ids": [str(event.id)]}, "filter": {"filter": {"type": "booking.create"}}}
    if way in body:
        answer = operator.post("/api/admin/events/batch-retry", body[way], format="json")
        assert answer.json() == {"selected": 1, "retried": 1, "refused": {}, "dry_run": False}
    else:
        answer = operator.post(f"/api/admin/events/{event.id}/{way}", format="json")
        assert answer.status_code == 200, answer.content

    work_everything()
    is_booked_once(failed, beds24)


def test_the_api_says_why_it_does_not_retry(failed: Reservation, hotel: ConnectedHotel, api_of: Any) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=LAST, units=ALL_ROOMS)
    event = create_event(failed)
    operator = api_of(Role.OPERATOR)

    answer = operator.post(f"/api/admin/events/{event.id}/retry", format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "not_enough_units")

    batch = operator.post("/api/admin/events/batch-retry", {"ids": [str(event.id)]}, format="json").json()
    assert batch["retried"] == 0
    assert "has 0 free units" in batch["refused"][str(event.id)]


def test_it_is_retried_by_the_command(failed: Reservation, beds24: RunningSimulator) -> None:
    fix(failed)

    call_command("channel_sync_replay", "--yes")

    work_everything()
    is_booked_once(failed, beds24)


def test_it_is_retried_in_the_admin(failed: Reservation, beds24: RunningSimulator) -> None:
    fix(failed)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("chief"))

    client.post(f"/admin/channel_sync/channelevent/{create_event(failed).id}/change/", {"do": "retry"})

    work_everything()
    is_booked_once(failed, beds24)


@pytest.mark.parametrize("is_sold", [False, True])
def test_a_mapping_that_is_added_sends_what_failed_without_it(
    hotel: ConnectedHotel, beds24: RunningSimulator, is_sold: bool
) -> None:
    mapping = ChannelMapping.objects.get(internal_id=hotel.double.id, mapping_type="room_type")
    reservation = reserve(hotel)
    cancelled = reserve(hotel)
    remove_mapping(mapping, by="ada")
    work_everything()
    assert state(reservation)[0] == ReservationStatus.FAILED
    assert "is not mapped" in reservation.failure_reason
    Reservation.objects.filter(id=cancelled.id).update(status=ReservationStatus.CANCELLED)
    if is_sold:
        ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=LAST, units=ALL_ROOMS)

    other = ChannelMapping.objects.get(internal_id=hotel.single.id, mapping_type="room_type")
    other.save()
    assert create_event(reservation).status == EventStatus.FAILED, "its own room type is still not mapped"

    mapping.is_active = True
    mapping.save()
    work_everything()

    assert Reservation.objects.get(id=cancelled.id).status == ReservationStatus.CANCELLED
    assert create_event(cancelled).status == EventStatus.IGNORED
    if is_sold:
        assert state(reservation)[0] == ReservationStatus.FAILED
        assert create_event(reservation).status == EventStatus.FAILED
    else:
        is_booked_once(reservation, beds24)


def test_a_reservation_that_failed_is_changed_and_booked_again_for_other_dates(
    hotel: ConnectedHotel, beds24: RunningSimulator, api: APIClient
) -> None:
    for _ in range(ALL_ROOMS):
        beds24.controls.book(roomId=2001, arrival=str(NIGHT), departure=str(LAST))
    reservation = reserve(hotel, units=1)
    work_everything()
    assert "sold on another channel" in (state(reservation) and reservation.failure_reason)
    address = f"/api/reservations/{reservation.id}"

    answer = api.post(f"{address}/book-again/", format="json")
    assert (answer.status_code, answer.json()["error"]) == (409, "NotEnoughRooms")

    later = {"check_in": str(LAST), "check_out": str(LAST + timedelta(days=3)), "version": reservation.version}
    answer = api.patch(f"{address}/", later, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
    assert check_availability(hotel.double.id, LAST, LAST + timedelta(days=3)) == ALL_ROOMS
    work_everything()
    assert len(beds24.bookings) == ALL_ROOMS

    answer = api.post(f"{address}/book-again/", format="json", headers={"If-Match": answer["ETag"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING_SYNC"), answer.content
    assert answer.json()["hold_expires_at"] is not None
    work_everything()

    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    ours = [booking for booking in beds24.bookings if booking["arrival"] == str(LAST)]
    assert [(one["status"], one["departure"]) for one in ours] == [("confirmed", str(LAST + timedelta(days=3)))]
    entry = AuditEntry.objects.get(action=AuditAction.RESERVATION_BOOKED_AGAIN)
    assert (entry.actor, entry.subject) == ("clerk", f"reservation:{reservation.id}")


def test_book_again_looks_at_the_version_that_is_sent(failed: Reservation, api: APIClient) -> None:
    answer = api.post(f"/api/reservations/{failed.id}/book-again/", format="json", headers={"If-Match": '"0"'})

    assert (answer.status_code, answer.json()["error"]) == (409, "StaleReservation")
    assert state(failed)[0] == ReservationStatus.FAILED


def test_book_again_twice_books_once(failed: Reservation, beds24: RunningSimulator) -> None:
    fix(failed)

    outcomes = [book_again(failed.id, by="ada"), book_again(failed.id, by="ada")]
    retry_event(create_event(failed), by="bob")
    assert outcomes == [Reopened.WAITS, Reopened.NOT_FAILED]
    assert InventoryHold.objects.filter(reservation_id=failed.id, status=HoldStatus.ACTIVE).count() == 1

    work_everything()
    assert book_again(failed.id, by="ada") is Reopened.NOT_FAILED
    work_everything()
    is_booked_once(failed, beds24)


@pytest.mark.django_db(transaction=True)
def test_retry_and_book_again_at_the_same_moment_book_once(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    fix(failed)
    event = create_event(failed)
    crowd = Crowd(4)
    try:
        crowd.all_at_once(
            [
                lambda: book_again(failed.id, by="ada") and None,
                lambda: book_again(failed.id, by="bob") and None,
                lambda: retry_event(event, by="eve"),
                lambda: retry_event(event, by="kim"),
            ]
        )
        assert free(hotel) == ALL_ROOMS - 1
        crowd.all_at_once([work_everything] * BOTH + [lambda: None] * BOTH)
    finally:
        crowd.leave()
    work_everything()

    is_booked_once(failed, beds24)
    assert free(hotel) == ALL_ROOMS - 1


def test_an_admin_books_again(failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    fix(failed)
    cancelled = reserve(hotel)
    cancel_reservation(cancelled.id)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("chief"))
    ids = [str(failed.id), str(cancelled.id)]

    answer = client.post(
        "/admin/pms/reservation/", {"action": "book_again", "_selected_action": ids}, follow=True
    ).content.decode()

    assert "1 reservations wait for their channel" in answer
    assert "it was cancelled" in answer
    work_everything()
    assert state(failed)[0] == ReservationStatus.CONFIRMED
    assert [booking["status"] for booking in beds24.bookings] == ["confirmed"]


def test_a_lost_answer_is_found_when_it_is_booked_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, strict_holds: None
) -> None:
    """Sent, its answer lost, failed at expiry: the channel has the booking all the time."""
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    assert len(beds24.bookings) == 1
    passes(timedelta(minutes=16))
    assert expire_holds() == 1
    assert state(reservation) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)

    book_again(reservation.id, by="ada")
    work_everything()

    is_booked_once(reservation, beds24)
    assert free(hotel) == ALL_ROOMS - 1


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("fixed", [False, True])
def test_a_create_whose_answer_was_lost_and_that_was_then_refused_is_not_doubled(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    change_reservation(reservation.id, {"guest": {"email": REFUSED}})
    try_once()
    assert state(reservation)[0] == ReservationStatus.FAILED
    assert len(beds24.bookings) == 1
    if fixed:
        fix(reservation)

    book_again(reservation.id, by="ada")
    work_everything()

    if fixed:
        is_booked_once(reservation, beds24)
    else:
        assert state(reservation)[0] == ReservationStatus.FAILED
        assert [booking["status"] for booking in beds24.bookings] == ["cancelled"], "nobody comes"


@pytest.mark.usefixtures("unseen")
def test_it_is_booked_again_after_the_channel_was_made_to_cancel_it(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    change_reservation(reservation.id, {"guest": {"email": REFUSED}})
    work_everything()
    assert state(reservation)[0] == ReservationStatus.FAILED
    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]
    fix(reservation)

    book_again(reservation.id, by="ada")
    work_everything()

    is_booked_once(reservation, beds24)
    assert units_at_beds24(beds24) == ALL_ROOMS - 1


def test_a_crash_between_the_click_and_the_commit_leaves_it_failed(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix(failed)
    with monkeypatch.context() as dying:
        dying.setattr(book_again_module, "note", _die)
        with pytest.raises(SystemExit):
            book_again(failed.id, by="ada")
    assert state(failed) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert free(hotel) == ALL_ROOMS
    work_everything()
    assert beds24.bookings == []

    book_again(failed.id, by="ada")
    work_everything()
    is_booked_once(failed, beds24)


def test_a_crash_after_the_channel_has_taken_it_does_not_double_it(
    failed: Reservation, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix(failed)
    book_again(failed.id, by="ada")
    write = Beds24Channel.write_bookings

    def dies(channel: Beds24Channel, writes: Sequence[BookingWrite], **options: Any) -> Sequence[WriteResult]:
        write(channel, writes, **options)
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(Beds24Channel, "write_bookings", dies)
        with pytest.raises(SystemExit):
            try_once()
    assert len(beds24.bookings) == 1
    held = ChannelEvent.objects.filter(status=EventStatus.PROCESSING)
    held.update(status=EventStatus.RETRYING, lease_holder=None, lease_expires_at=None)

    work_everything()
    is_booked_once(failed, beds24)


def test_a_booking_that_the_channel_has_is_only_confirmed(
    hotel: ConnectedHotel, beds24: RunningSimulator, strict_holds: None
) -> None:
    """It was confirmed too late and its room sold; before it is taken back there, the room is free again."""
    reservation = reserve(hotel)
    work_everything()
    InventoryHold.objects.update(status=HoldStatus.RELEASED)
    Reservation.objects.filter(id=reservation.id).update(status=ReservationStatus.FAILED, failure_reason="late")
    beds24.controls.forget_calls()

    assert book_again(reservation.id, by="ada") is Reopened.CONFIRMED
    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)

    work_everything()
    is_booked_once(reservation, beds24)
    assert beds24.posts("/bookings") == []


def test_what_cannot_be_booked_again_says_why(failed: Reservation, hotel: ConnectedHotel) -> None:
    Reservation.objects.filter(id=failed.id).update(
        check_in=NIGHT - timedelta(days=60), check_out=NIGHT - timedelta(50)
    )
    with pytest.raises(CannotBookAgain, match="its stay ended on"):
        book_again(failed.id, by="ada")
    with pytest.raises(CannotBookAgain, match="its stay ended on"):
        retry_event(create_event(failed), by="ada")

    cancelled = reserve(hotel)
    cancel_reservation(cancelled.id)
    with pytest.raises(CannotBookAgain, match="it was cancelled"):
        book_again(cancelled.id, by="ada")
    with pytest.raises(CannotBookAgain, match="the PMS does not have it"):
        book_again(hotel.hotel.id, by="ada")
    assert state(failed)[0] == ReservationStatus.FAILED


def test_one_that_no_channel_sells_any_more_is_not_left_waiting(failed: Reservation, hotel: ConnectedHotel) -> None:
    mapping = ChannelMapping.objects.get(internal_id=hotel.double.id, mapping_type="room_type")
    remove_mapping(mapping, by="ada")

    with pytest.raises(CannotBookAgain, match="its room type is mapped to no channel"):
        book_again(failed.id, by="ada")

    assert state(failed) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert free(hotel) == ALL_ROOMS


def test_a_fix_of_what_failed_is_sent_by_nobody_before_it_is_booked_again(
    failed: Reservation, beds24: RunningSimulator, api: APIClient
) -> None:
    beds24.controls.forget_calls()
    body = {"notes": "late arrival", "guest": {"email": GOOD}, "version": failed.version}

    answer = api.patch(f"/api/reservations/{failed.id}/", body, format="json")
    work_everything()

    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")
    assert beds24.posts("/bookings") == []
    assert beds24.bookings == []


def _die(*_: object, **__: object) -> None:
    raise SystemExit
