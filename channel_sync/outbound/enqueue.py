"""Turn a change in the PMS into events, in the caller's transaction, for every channel that would see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model, Q

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.capture.rows import take_own_of_models, take_own_of_rows
from channel_sync.capture.states import captures
from channel_sync.channels.canonical import BookingStatus
from channel_sync.correlation import correlated, correlation_id
from channel_sync.events.new_event import NewEvent
from channel_sync.events.outbound_events import availability_event, booking_event, rate_event
from channel_sync.events.store import record_all
from channel_sync.merge.agreement import unsent
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelMapping,
    ChannelPropertyStatus,
    EntityType,
    EventType,
    MappingType,
    ReservationLink,
)
from channel_sync.origin import change_origin
from channel_sync.outbound.cancelled_here import note_cancellation, note_reinstated
from channel_sync.outbound.row_changes import Instances, reservation_model, row_changes, spans_of
from channel_sync.outbound.spans import merged
from channel_sync.outbound.under_way import BookingsUnderWay
from channel_sync.pms import NightSpan, RateSpan, Reservation, Watched, host_pms

# A property in error takes up its waiting events when it works again. One that is paused begins with a full
# synchronisation: only its bookings are remembered meanwhile.
FOLLOWED = (ChannelPropertyStatus.ACTIVE, ChannelPropertyStatus.ERROR)
REMEMBERED = (*FOLLOWED, ChannelPropertyStatus.INACTIVE)
# Resuming wakes them; should one be saved at that very moment, it goes out then.
IN_A_PAUSE = timedelta(hours=1)


def is_sold_by_channel(room_type_id: UUID) -> bool:
    """Whether a reservation of the room type has to be confirmed by a channel before it is confirmed at all."""
    return bool(_mappings(MappingType.ROOM_TYPE, [room_type_id]))


@dataclass(frozen=True)
class ReservationChange:
    """A reservation was saved or deleted; `before` is None for a new one, `after` for a deleted one.

    `links` are the ids of links that its deletion has taken it out of already. `between` are states that others may
    have found, and a call sent, before it came to `after`.
    """

    before: Reservation | None
    after: Reservation | None
    links: tuple[UUID, ...] = ()
    between: tuple[Reservation, ...] = ()

    @property
    def states(self) -> tuple[Reservation | None, ...]:
        """All of them, from the first to the last."""
        return self.before, *self.between, self.after

    @property
    def was_otherwise(self) -> bool:
        """Whether a call may have sent a state that was neither the first nor is the last."""
        return any(not state.shows_as(self.after) for state in self.between)

    @property
    def shows(self) -> bool:
        """Whether a channel could see it: what has ended was told as it ended, whatever becomes of its price."""
        first, *others = [None if _is_over(state) else state for state in self.states]
        return any(not (state.shows_as(first) if state is not None else first is None) for state in others)


def reservations_changed(changes: Sequence[ReservationChange]) -> None:
    """Make the events of reservations that were written in bulk, at once; call it in the transaction of the write.

    Captured changes of the same rows are taken with it, so that the relay does not make their events again.
    """
    with correlated(correlation_id()):
        record_reservation_changes(_with_captured(changes))


def availability_changed(spans: Sequence[NightSpan]) -> None:
    """Free units may have changed on these nights for another reason than a reservation: make the events, at once.

    Captured changes that this transaction has made to models that move availability are taken with it.
    """
    with correlated(correlation_id()):
        record_availability(merged([*spans, *_captured_spans(host_pms().watched_models().availability)]))


def rates_changed(spans: Sequence[RateSpan]) -> None:
    """Rates or restrictions have changed on these nights: make the events, at once.

    Captured changes that this transaction has made to models that move rates are taken with it.
    """
    with correlated(correlation_id()):
        record_rates(merged([*spans, *_captured_spans(host_pms().watched_models().rates)]))


def record_reservation_changes(changes: Sequence[ReservationChange]) -> int:
    """Record the events of changes of reservations; how many of them are to be published.

    How many changes there are does not change how much is looked up.
    """
    seen = [state for change in changes for state in change.states if state is not None]
    mappings = _mappings(MappingType.ROOM_TYPE, list({state.room_type_id for state in seen}), REMEMBERED)
    rooms = {(found.channel_property_id, found.internal_id): found.external_id for found in mappings}
    links: dict[UUID | None, dict[UUID, ReservationLink]] = {}
    lost = {link_id: change.before.id for change in changes if change.before for link_id in change.links}
    linked = Q(reservation_id__in={state.id for state in seen})
    if lost:
        linked |= Q(id__in=lost, reservation_id=None)
    found_links = list(ReservationLink.objects.filter(linked).select_related("channel_property"))
    for link in found_links:
        links.setdefault(link.reservation_id or lost[link.id], {})[link.channel_property_id] = link
    concerned = [found.channel_property for found in mappings] + [
        link.channel_property for by_property in links.values() for link in by_property.values()
    ]
    under_way = BookingsUnderWay({state.id for state in seen}, found_links)
    paused = _still_paused([found.id for found in concerned if found.status == ChannelPropertyStatus.INACTIVE])
    seen_by = [(change, links.get(found.id, {})) for change in changes if (found := change.after or change.before)]
    events = [event for change, linked_to in seen_by for event in _events_of(change, rooms, linked_to, under_way)]
    published = _publish(list(_remembered(events, paused)))
    return published + sum(_note_end_or_return(change, linked_to) for change, linked_to in seen_by)


def _note_end_or_return(change: ReservationChange, links: Mapping[UUID, ReservationLink]) -> int:
    """Flag what OTAs still have of a reservation that the PMS has cancelled; how many events are to be published."""
    before, after, origin = change.before, change.after, change_origin()
    others = [link for channel_property_id, link in links.items() if channel_property_id != origin]
    if before is None or not others or _is_over(before) == _is_over(after):
        return 0
    if not _is_over(after):
        return record_availability(note_reinstated(others))
    return record_availability(note_cancellation(before, others, is_deleted=after is None))


STILL_PAUSED = """
SELECT id FROM channel_properties WHERE id = ANY(%s) AND status = 'inactive' ORDER BY id FOR SHARE
"""


def _still_paused(channel_property_ids: Sequence[UUID]) -> set[UUID]:
    """Those that are paused until the caller's transaction ends: resuming one waits for it, or has come before."""
    if not channel_property_ids:
        return set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(STILL_PAUSED, [list(set(channel_property_ids))])
        return {row[0] for row in cursor.fetchall()}


def _remembered(events: Sequence[NewEvent], paused: Collection[UUID]) -> Iterator[NewEvent]:
    """Of a property that is paused only bookings are kept: its calendar is sent whole when it is resumed."""
    for event in events:
        if event.channel_property_id not in paused:
            yield event
        elif event.entity_type is EntityType.BOOKING:
            yield replace(event, waits=IN_A_PAUSE)


def _events_of(
    change: ReservationChange,
    rooms: Mapping[tuple[UUID, UUID], str],
    links: Mapping[UUID, ReservationLink],
    under_way: BookingsUnderWay,
) -> list[NewEvent]:
    """What each channel has to be told, but for the one that the change came from."""
    after, origin = change.after, change_origin()
    reservation = after or change.before
    if reservation is None:
        return []
    room_types = {state.room_type_id for state in change.states if state is not None}
    mapped = [channel_property_id for channel_property_id, room_type_id in rooms if room_type_id in room_types]
    events: list[NewEvent] = []
    for channel_property_id in dict.fromkeys([*links, *mapped]):
        if channel_property_id == origin:
            continue
        link = links.get(channel_property_id)
        # A booking that another channel sold is theirs: this channel only hears that there is one room less.
        if link is not None or (not links and origin is None):
            room = rooms.get((channel_property_id, reservation.room_type_id))
            event_type = _booking_event_type(change, link, room)
            if event_type is None and (
                (link is not None and change.was_otherwise)
                or (change.shows and under_way.includes(channel_property_id, reservation.id, link))
            ):
                # The link says what the channel has; it may have, or be about to get, a state in between.
                event_type = EventType.BOOKING_CANCEL if _is_over(after) else EventType.BOOKING_UPDATE
            if event_type is not None:
                external_id = link.external_id if link is not None else None
                events.append(booking_event(channel_property_id, event_type, reservation, external_id))
        events += [
            availability_event(channel_property_id, span)
            for span in _changed_nights(change)
            if (channel_property_id, span.room_type_id) in rooms
        ]
    return events


def record_availability(spans: Sequence[NightSpan]) -> int:
    """Record the events of nights whose free units may have changed for another reason than a reservation.

    How many of them are to be published.
    """
    origin = change_origin()
    mappings = _mappings(MappingType.ROOM_TYPE, [span.room_type_id for span in spans])
    return _publish(
        [
            availability_event(mapping.channel_property_id, span)
            for span in spans
            for mapping in mappings
            if mapping.internal_id == span.room_type_id and mapping.channel_property_id != origin
        ]
    )


def record_rates(spans: Sequence[RateSpan]) -> int:
    """Record the events of nights whose rates or restrictions have changed; how many of them are to be published."""
    mappings = _mappings(MappingType.RATE, [span.rate_plan_id for span in spans])
    return _publish(
        [
            rate_event(mapping.channel_property_id, span)
            for span in spans
            for mapping in mappings
            if mapping.internal_id == span.rate_plan_id
        ]
    )


def _publish(events: Sequence[NewEvent]) -> int:
    messages = record_all(events)
    publish_after_commit(messages)
    return len(messages)


def _with_captured(changes: Sequence[ReservationChange]) -> list[ReservationChange]:
    """The changes, each from the state before the first write of this transaction that was captured."""
    model = reservation_model()
    if not changes or not captures(model):
        return list(changes)
    ids = [state.id for change in changes if (state := change.after or change.before)]
    captured = row_changes(take_own_of_rows(model._meta.label, [str(id) for id in ids]))
    instances = Instances([change for change in captured if change.old is not None])
    befores = {
        change.row_pk: host_pms().describe(instances.before(change)) if change.old is not None else None
        for change in captured
    }
    return [
        replace(change, before=befores.get(str(change.after.id), change.before)) if change.after else change
        for change in changes
    ]


def _captured_spans(watched: Mapping[type[Model], Watched[Any]]) -> list[Any]:
    """The nights of what this transaction has written to watched models and no event was made of."""
    labels = [model._meta.label for model in watched if captures(model)]
    captured = row_changes(take_own_of_models(labels)) if labels else []
    return list(spans_of(captured, Instances(captured), watched))


def _mappings(
    mapping_type: MappingType,
    internal_ids: Sequence[UUID],
    statuses: Sequence[ChannelPropertyStatus] = FOLLOWED,
) -> list[ChannelMapping]:
    """Active mappings of connected properties."""
    return list(
        ChannelMapping.objects.select_related("channel_property").filter(
            mapping_type=mapping_type,
            internal_id__in=internal_ids,
            is_active=True,
            channel_property__status__in=statuses,
            channel_property__connection__isnull=False,
        )
    )


def _booking_event_type(change: ReservationChange, link: ReservationLink | None, room: str | None) -> EventType | None:
    """What the channel has to be told; None when it would see no change."""
    before, after = change.before, change.after
    if after is None:
        return EventType.BOOKING_CANCEL if link is not None and not link.applied_cancelled else None
    if after.status is BookingStatus.CANCELLED:
        is_known = link is not None and not link.applied_cancelled
        may_get_it = link is None and change.shows and _was_enqueued(after.id)
        return EventType.BOOKING_CANCEL if is_known or may_get_it else None
    if link is None:
        if room is None or after.status is BookingStatus.INQUIRY:
            return None
        if before is not None and _was_enqueued(after.id):
            # The create may have read the reservation, and not its guest, before this change.
            return EventType.BOOKING_UPDATE
        return None if after.shows_as(before) else EventType.BOOKING_CREATE
    channel_name = link.channel_property.channel_name
    if room is not None and not unsent(link, channel_name, after, room):
        return None
    return EventType.BOOKING_UPDATE


def _is_over(state: Reservation | None) -> bool:
    return state is None or state.status is BookingStatus.CANCELLED


def _was_enqueued(reservation_id: UUID) -> bool:
    """Whether a channel was ever told, or is about to be told, of the reservation."""
    return ChannelEvent.objects.filter(
        entity_type=EntityType.BOOKING, entity_internal_id=reservation_id, source=PMS_SOURCE
    ).exists()


def _changed_nights(change: ReservationChange) -> list[NightSpan]:
    """The nights on which a change of the reservation moves free units, or has moved them for a while."""
    taken = [(state.nights(), state.units) if state and state.takes_room else None for state in change.states]
    if len(set(taken)) == 1:
        return []
    return list(dict.fromkeys(found[0] for found in taken if found is not None))
