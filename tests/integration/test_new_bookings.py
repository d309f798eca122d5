"""New bookings that wait together: applied in one transaction, with the outcome of one after the other."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from channel_sync.channels.beds24.normalization import KEY_INFO_CODE
from channel_sync.channels.canonical import Booking
from channel_sync.correlation import correlated
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.inbound import new_bookings
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    Direction,
    EventStatus,
    EventType,
    ReservationLink,
)
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from tests.beds24_webhooks import LATER, webhook
from tests.crowd import Crowd
from tests.factories import (
    ChannelConnectionFactory,
    EventFactory,
    OutboundEventFactory,
    ReservationFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)

ARRIVAL = date.today() + timedelta(days=30)
FIRST = 6_000_001
WORKERS = 8


@pytest.fixture
def rooms(channel_property: ChannelProperty) -> list[RoomType]:
    """Two room types with three units each, rooms 2001 and 2002; the first is sold by another channel too."""
    made: list[RoomType] = [RoomTypeFactory(hotel=channel_property.property, units=3) for _ in range(2)]
    for number, room_type in enumerate(made):
        RoomTypeMappingFactory(
            channel_property=channel_property, internal_id=room_type.id, external_id=str(2001 + number)
        )
    connected = ChannelConnectionFactory(
        channel_property__property=channel_property.property, channel_property__channel_name="other"
    )
    other = connected.channel_property
    RoomTypeMappingFactory(channel_property=other, internal_id=made[0].id)
    return made


def waiting(channel_property: ChannelProperty, number: int = FIRST, **changes: Any) -> ChannelEvent:
    """The event of a new booking that waits for its worker."""
    payload = webhook(
        **{"id": number, "arrival": str(ARRIVAL), "departure": str(ARRIVAL + timedelta(days=2))} | changes
    )
    event: ChannelEvent = EventFactory(
        channel_property=channel_property, entity_external_id=str(number), payload=payload
    )
    return event


def statuses() -> dict[str | None, str]:
    """Booking -> status of its event."""
    inbound = ChannelEvent.objects.filter(direction=Direction.INBOUND)
    return dict(inbound.values_list("entity_external_id", "status"))


@pytest.mark.django_db
def test_one_message_settles_all_that_wait(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    events = [waiting(channel_property, FIRST + number, roomId=2001 + number % 2) for number in range(6)]

    assert process(events[3].id) is EventStatus.DONE

    assert set(statuses().values()) == {EventStatus.DONE}
    assert Reservation.objects.filter(status=ReservationStatus.CONFIRMED).count() == 6
    for event in events:
        event.refresh_from_db()
        link = ReservationLink.objects.get(external_id=event.entity_external_id)
        assert event.entity_internal_id == link.reservation_id
        assert (event.attempts, event.next_attempt_at, event.last_error) == (1, None, None)
        assert event.normalized_payload is not None
        assert event.normalized_payload["external_id"] == link.external_id
        assert link.bases
        assert process(event.id) is None


@pytest.mark.django_db
def test_statements_do_not_grow_with_the_bookings(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    def statements(first: int, count: int) -> int:
        events = [waiting(channel_property, first + number, roomId=2002) for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            process(events[0].id)
        return len(captured)

    RoomType.objects.update(units=1000)

    assert statements(FIRST, 2) == statements(FIRST + 100, 60)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_together_comes_to_the_same_as_one_after_the_other(
    channel_property: ChannelProperty, rooms: list[RoomType], settings: LazySettings, seed: int
) -> None:
    """More bookings than rooms: which ones are told of as overbooked, and which nights are pushed."""
    chance = random.Random(seed)
    ReservationFactory(room_type=rooms[0], check_in=ARRIVAL, check_out=ARRIVAL + timedelta(days=3))
    bookings = [wish(chance, FIRST + number) for number in range(25)]

    def outcome(per_transaction: int) -> Any:
        settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_transaction": per_transaction}
        with transaction.atomic():
            events = [waiting(channel_property, **booking) for booking in bookings]
            for event in events:
                process(event.id)
            found = told()
            transaction.set_rollback(True)
        return found

    together, alone = outcome(100), outcome(1)

    assert together == alone
    assert any(kind == ConflictKind.OVERBOOKING for kind, *_ in together["conflicts"])


def wish(chance: random.Random, number: int) -> dict[str, Any]:
    """A stay in a window of ten nights, or one far away."""
    arrival = ARRIVAL + timedelta(days=chance.choice([0, 1, 2, 3, 4, 5, 300]))
    return {
        "number": number,
        "roomId": chance.choice([2001, 2001, 2002]),
        "roomQty": chance.choice([1, 1, 1, 2]),
        "arrival": str(arrival),
        "departure": str(arrival + timedelta(days=chance.randint(1, 4))),
        "status": chance.choice(["new", "new", "new", "request", "inquiry", "black", "cancelled"]),
    }


def told() -> dict[str, Any]:
    """What the bookings have left behind, without the ids of rows."""
    return {
        "reservations": sorted(
            Reservation.objects.values_list(
                "channel_links__external_id", "room_type_id", "check_in", "status", "units"
            ),
            key=str,
        ),
        "conflicts": [
            (conflict.kind, conflict.subject, conflict.pms_side, conflict.channel_side)
            for conflict in Conflict.objects.order_by("kind", "subject")
        ],
        "pushes": sorted(
            (str(event.channel_property_id), event.event_type, str(event.payload))
            for event in ChannelEvent.objects.filter(direction=Direction.OUTBOUND)
        ),
        "links": sorted(
            ReservationLink.objects.values_list("external_id", "applied_hash", "applied_cancelled", "bases")
        ),
        "statuses": statuses(),
    }


@pytest.mark.django_db
def test_what_cannot_be_applied_fails_alone(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    lead = waiting(channel_property, FIRST)
    waiting(channel_property, FIRST + 1, roomId=9999)
    waiting(channel_property, FIRST + 2, arrival="never")
    waiting(channel_property, FIRST + 3)

    process(lead.id)

    assert statuses() == {
        str(FIRST): EventStatus.DONE,
        str(FIRST + 1): EventStatus.FAILED,
        str(FIRST + 2): EventStatus.FAILED,
        str(FIRST + 3): EventStatus.DONE,
    }
    assert Reservation.objects.count() == 2


@pytest.mark.django_db
def test_a_booking_that_the_host_chokes_on_does_not_keep_the_others(
    channel_property: ChannelProperty, rooms: list[RoomType], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Pms.create_reservations

    def choke(pms: Pms, property_id: UUID, sold: list[tuple[UUID, Booking]]) -> Any:
        made = create(pms, property_id, sold)
        if any(booking.external_id == str(FIRST + 1) for _, booking in sold):
            raise ValueError("no such guest")
        return made

    monkeypatch.setattr(Pms, "create_reservations", choke)
    lead = waiting(channel_property, FIRST)
    bad = waiting(channel_property, FIRST + 1)
    waiting(channel_property, FIRST + 2)

    assert process(lead.id) is EventStatus.DONE

    bad.refresh_from_db()
    assert (bad.status, bad.attempts, bad.last_error) == (EventStatus.RETRYING, 1, "ValueError: no such guest")
    assert list(statuses().values()).count(EventStatus.DONE) == 2
    assert Reservation.objects.count() == 2


@pytest.mark.django_db
def test_an_event_that_was_tried_before_goes_alone(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    """If it is what kills the worker, it takes no other with it."""
    tried = waiting(channel_property, FIRST)
    ChannelEvent.objects.filter(id=tried.id).update(attempts=1)
    other = waiting(channel_property, FIRST + 1)

    assert process(tried.id) is EventStatus.DONE

    assert statuses()[other.entity_external_id] == EventStatus.RECEIVED


@pytest.mark.django_db
def test_what_is_not_plainly_new_keeps_its_own_way(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    """A booking that is known, one told twice, and one of our own making that is not linked yet."""
    process(waiting(channel_property, FIRST, modifiedTime=LATER).id)
    ours = ReservationFactory(room_type=rooms[0], check_in=ARRIVAL, check_out=ARRIVAL + timedelta(days=2))
    key = OutboundEventFactory(
        channel_property=channel_property, entity_internal_id=ours.id, status=EventStatus.DONE
    ).idempotency_key
    info = [{"code": KEY_INFO_CODE, "text": key}]

    lead = waiting(channel_property, FIRST + 1)
    late = waiting(channel_property, FIRST)
    again = waiting(channel_property, FIRST + 1)
    created = waiting(channel_property, FIRST + 2, info_items=info)
    process(lead.id)

    late.refresh_from_db()
    again.refresh_from_db()
    created.refresh_from_db()
    assert (late.status, again.status) == (EventStatus.IGNORED, EventStatus.IGNORED)
    assert created.entity_internal_id == ours.id
    assert Reservation.objects.count() == 3


@pytest.mark.django_db
def test_a_worker_that_takes_long_gives_the_others_back(
    channel_property: ChannelProperty, rooms: list[RoomType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their leases would run out, and each would lose an attempt."""
    monkeypatch.setattr(new_bookings, "GIVE_BACK_AFTER_SECONDS", -1)
    lead = waiting(channel_property, FIRST)
    other = waiting(channel_property, FIRST + 1, roomId=9999)

    process(lead.id)

    other.refresh_from_db()
    assert (other.status, other.attempts) == (EventStatus.RETRYING, 0)
    assert other.id in {message.event_id for message in hand_over()}


@pytest.mark.django_db
def test_a_push_belongs_to_the_booking_that_caused_it(channel_property: ChannelProperty, rooms: list[RoomType]) -> None:
    RoomType.objects.update(units=1)
    events = [waiting(channel_property, FIRST + number, roomId=2002) for number in range(2)]
    for event in events:
        with correlated(None) as correlation:
            ChannelEvent.objects.filter(id=event.id).update(correlation_id=correlation)

    process(events[0].id)

    def correlations(direction: Direction) -> list[UUID | None]:
        return list(ChannelEvent.objects.filter(direction=direction).values_list("correlation_id", flat=True))

    assert len(set(correlations(Direction.OUTBOUND))) == 2
    assert sorted(correlations(Direction.OUTBOUND), key=str) == sorted(correlations(Direction.INBOUND), key=str)


@pytest.mark.django_db(transaction=True)
def test_workers_that_take_the_same_bookings_do_not_lock_each_other_out(
    topology_at_broker: None, channel_property: ChannelProperty, rooms: list[RoomType]
) -> None:
    """Batches of new bookings, late and doubled states of them, all at once: every booking is one reservation."""
    chance = random.Random(7)
    numbers = [FIRST + number for number in range(40)]
    events = [waiting(channel_property, number, roomId=chance.choice([2001, 2002])) for number in numbers]
    events += [
        waiting(channel_property, number, modifiedTime=LATER, roomId=chance.choice([2001, 2002])) for number in numbers
    ]
    ChannelEvent.objects.filter(id__in=[event.id for event in events[40::2]]).update(
        event_type=EventType.BOOKING_MODIFIED
    )
    chance.shuffle(events)
    crowd = Crowd(WORKERS)

    def work(mine: list[ChannelEvent]) -> None:
        for event in mine:
            process(event.id)

    crowd.all_at_once([partial(work, events[worker::WORKERS]) for worker in range(WORKERS)])
    crowd.leave()

    assert set(statuses().values()) <= {EventStatus.DONE, EventStatus.IGNORED}
    linked = ReservationLink.objects.filter(channel_property=channel_property)
    assert sorted(linked.values_list("external_id", flat=True)) == sorted(map(str, numbers))
    assert Reservation.objects.count() == 40
