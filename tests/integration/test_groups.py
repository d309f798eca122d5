"""A group that the desk makes goes out as one group, in one call or in several, whatever becomes of one room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.connections.account import calling
from channel_sync.events.processing import process
from channel_sync.inbound.pull import pull_bookings
from channel_sync.models import ChannelAccount, ChannelEvent, EventStatus, EventType, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from pms_project.pms.services.reservations import NewReservation, cancel_reservation, change_reservation, create_group
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, stay, work_everything
from tests.drift import plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def credits(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)


def group_of(*room_types: RoomType) -> list[Reservation]:
    return create_group([NewReservation(one.id, NIGHT, NIGHT + timedelta(days=2)) for one in room_types])


def creates(beds24: RunningSimulator) -> list[list[dict[str, Any]]]:
    """The new bookings of each call."""
    calls = [[item for item in call["body"] if "id" not in item] for call in beds24.posts("/bookings")]
    return [items for items in calls if items]


def groups_at(beds24: RunningSimulator) -> dict[Any, int]:
    """How many bookings each group has there."""
    masters = [booking["masterId"] for booking in beds24.bookings]
    return {master: masters.count(master) for master in masters}


def links_of(made: Sequence[Reservation]) -> list[ReservationLink]:
    return list(ReservationLink.objects.filter(reservation_id__in=[one.id for one in made]))


def pull(connected: ConnectedHotel) -> None:
    with calling(connected.channel_property) as channel:
        pull_bookings(connected.channel_property, channel)
    work_everything()


def test_one_call_makes_one_group(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    group_of(connected.double, connected.double, connected.single)

    work_everything()

    (call,) = creates(beds24)
    assert [item["actions"]["makeGroup"] for item in call] == [True, True, True]
    assert groups_at(beds24) == {beds24.bookings[0]["id"]: 3}


def test_a_reservation_without_a_group_stays_out_of_it(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double, check_in=NIGHT)
    made = group_of(connected.double, connected.single)

    work_everything()

    (call,) = creates(beds24)
    assert [item["actions"].get("makeGroup", False) for item in call] == [False, True, True]
    assert len(links_of(made)) == 2
    assert groups_at(beds24)[None] == 1


def test_two_groups_that_wait_together_are_two_groups(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    first, second = group_of(connected.double, connected.single), group_of(connected.double, connected.single)

    work_everything()

    assert sorted(groups_at(beds24).values()) == [2, 2]
    masters = {booking["id"]: booking["masterId"] for booking in beds24.bookings}
    for made in (first, second):
        assert len({masters[int(link.external_id)] for link in links_of(made)}) == 1


def test_a_group_larger_than_a_call_is_one_group(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 2}
    group_of(*[connected.double] * 5)

    work_everything()

    assert len(creates(beds24)) == 3
    assert groups_at(beds24) == {beds24.bookings[0]["id"]: 5}


def test_one_room_that_is_refused_joins_when_it_is_corrected(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = group_of(connected.single, connected.double, connected.double)
    for _ in range(5):
        beds24.controls.book(roomId=2002, **stay())
    work_everything()
    refused = Reservation.objects.get(room_type=connected.single, source="PMS")
    assert refused.status == ReservationStatus.FAILED
    assert len(links_of(made)) == 2

    again = ReservationFactory(
        room_type=connected.double, check_in=NIGHT, group_reference=refused.group_reference,
        status=ReservationStatus.PENDING_SYNC,
    )  # fmt: skip
    work_everything()

    leader = min(int(link.external_id) for link in links_of(made))
    assert creates(beds24)[-1][0]["masterId"] == leader
    assert groups_at(beds24)[leader] == 3
    again.refresh_from_db()
    assert again.status == ReservationStatus.CONFIRMED


def test_a_later_member_joins_the_group_where_it_is_now(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    """A person at Beds24 has let another booking lead the group meanwhile."""
    made = group_of(connected.double, connected.single)
    work_everything()
    ids = sorted(int(link.external_id) for link in links_of(made))
    for booking_id in ids:
        beds24.controls.change(booking_id, masterId=ids[1])

    ReservationFactory(room_type=connected.double, check_in=NIGHT, group_reference=made[0].group_reference)
    work_everything()

    assert groups_at(beds24) == {ids[1]: 3}


def test_a_group_whose_leader_is_cancelled_or_deleted_costs_no_booking(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = group_of(connected.double, connected.single)
    work_everything()
    leader, other = sorted(links_of(made), key=lambda link: int(link.external_id))
    beds24.controls._call("DELETE", f"/bookings/{leader.external_id}")

    ReservationFactory(room_type=connected.double, check_in=NIGHT, group_reference=made[0].group_reference)
    work_everything()

    assert len(beds24.bookings) == 2, "the group is gone, the booking is not"
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 0
    cancel_reservation(other.reservation_id)
    work_everything()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_crash_in_between_leaves_one_group(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings, fault: str
) -> None:
    """Some of the group were sent and nobody knows what became of them, when others go out."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 2}
    beds24.controls.fail_next(kind=fault, method="POST", path="/bookings", times=1)
    group_of(connected.double, connected.double, connected.single, connected.single)
    one_round()

    work_everything()

    assert groups_at(beds24) == {beds24.bookings[0]["id"]: 4}
    assert len(ReservationLink.objects.all()) == 4


def test_others_go_out_while_the_first_of_the_group_waits(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    """The answer of the first was lost, and it waits for its next attempt: who comes now finds it and joins it."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 1}
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings", times=1)
    group_of(connected.double, connected.single)
    first, second = ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).order_by("received_at")
    process(first.id)
    assert (len(beds24.bookings), ReservationLink.objects.count()) == (1, 0)
    ChannelAccount.objects.update(probe_at="2020-01-01T00:00Z")

    process(second.id)

    assert groups_at(beds24) == {beds24.bookings[0]["id"]: 2}
    first.refresh_from_db()
    assert first.status == EventStatus.RETRYING
    work_everything()
    assert len(beds24.bookings) == ReservationLink.objects.count() == 2


def test_a_group_whose_rooms_are_refused_at_first_is_one_group(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The channel has not heard yet that single rooms are free again: they are sent once more, to the same group."""
    beds24.controls.set_availability("2002", NIGHT, 0)
    group_of(connected.double, connected.single, connected.single)

    work_everything()

    assert groups_at(beds24) == {beds24.bookings[0]["id"]: 3}


def test_what_is_changed_later_keeps_the_group(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = group_of(connected.double, connected.single)
    work_everything()
    leader = beds24.bookings[0]["masterId"]

    change_reservation(made[1].id, {"notes": "a cot"})
    work_everything()

    changed = beds24.posts("/bookings")[-1]["body"][0]
    assert set(changed) == {"id", "notes"}
    assert groups_at(beds24) == {leader: 2}


def test_the_group_keeps_its_name_in_the_pms_and_follows_a_change_of_it(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = group_of(connected.double, connected.single)
    work_everything()
    pull(connected)
    leader = beds24.bookings[0]["id"]
    assert {link.group_id for link in links_of(made)} == {str(leader)}
    assert set(Reservation.objects.values_list("group_reference", flat=True)) == {made[0].group_reference}

    left = links_of(made)[1]
    beds24.controls.change(int(left.external_id), masterId=None)
    pull(connected)

    assert Reservation.objects.get(id=left.reservation_id).group_reference == ""
