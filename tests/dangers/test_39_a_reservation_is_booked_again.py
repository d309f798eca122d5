"""A reservation that failed could neither be changed nor sold again: the desk had to enter it anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.errors import CannotBookAgain
from channel_sync.inventory.availability import check_availability
from channel_sync.inventory.reopening import Reopened
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelMapping,
    HoldStatus,
    InventoryHold,
)
from channel_sync.operations.book_again import book_again
from channel_sync.operations.event_actions import retry_event
from channel_sync.operations.mappings import remove_mapping
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    cancel_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.crowd import Crowd
from tests.dangers.desk_sales import (
    ALL_ROOMS,
    GOOD,
    LAST,
    assert_booked_once,
    create_event,
    fix,
    free,
    refuse_an_address,
    refused,
    reserve,
    state,
)
from tests.dangers.working import NIGHT, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ConnectedHotel:
    """A hotel at a channel that refuses one address."""
    plenty_of_credits(beds24.simulator.state, connected)
    refuse_an_address(monkeypatch)
    return connected


@pytest.fixture
def failed(hotel: ConnectedHotel) -> Reservation:
    """Refused for the address of its guest."""
    return refused(hotel)


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("clerk"))
    return client


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
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "not_enough_rooms")

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

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "stale_reservation")
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
    assert_booked_once(failed, beds24)


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
        crowd.all_at_once([work_everything, work_everything, lambda: None, lambda: None])
    finally:
        crowd.leave()
    work_everything()

    assert_booked_once(failed, beds24)
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
