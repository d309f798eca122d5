"""A booking was refused for a field; when that was corrected its retry ended ignored, and the guest had no room."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from channel_sync.channels.beds24.simulator import booking_writes as simulated_bookings
from channel_sync.errors import NotEnoughUnits
from channel_sync.events.selection import EventSelection
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelMapping,
    EventStatus,
    HoldStatus,
)
from channel_sync.operations.event_actions import retry_event, retry_events
from channel_sync.operations.event_batches import BatchVerb, EventBatch, work_batch
from channel_sync.operations.mappings import remove_mapping
from channel_sync.operations.roles import Role
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import (
    ALL_ROOMS,
    LAST,
    REFUSED,
    assert_booked_once,
    create_event,
    fix,
    free,
    refuse_an_address,
    refused,
    reserve,
    state,
)
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory

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
    assert_booked_once(failed, beds24)
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

    outcome = work_batch(EventBatch(BatchVerb.RETRY, EventSelection(statuses=[EventStatus.FAILED])), by="ada")
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
        assert answer.json() == {"selected": 1, "retried": 1, "skipped": [], "refused": {}, "dry_run": False}
    else:
        answer = operator.post(f"/api/admin/events/{event.id}/{way}", format="json")
        assert answer.status_code == 200, answer.content

    work_everything()
    assert_booked_once(failed, beds24)


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
    assert_booked_once(failed, beds24)


def test_it_is_retried_in_the_admin(failed: Reservation, beds24: RunningSimulator) -> None:
    fix(failed)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("chief"))

    client.post(f"/admin/channel_sync/channelevent/{create_event(failed).id}/change/", {"do": "retry"})

    work_everything()
    assert_booked_once(failed, beds24)


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
        assert_booked_once(reservation, beds24)
