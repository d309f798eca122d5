"""Push prices and restrictions: all waiting nights of a property in one call, but for those the channel has already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import RateRange, RateTerms, content_hash
from channel_sync.channels.ranges import equal_ranges
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling, note_success
from channel_sync.connections.currency import Currencies, ask_currencies, flag_currencies, known_currencies
from channel_sync.connections.mapped_rooms import room_types
from channel_sync.connections.opening import held, require_open, require_open_mapping
from channel_sync.errors import UnmappedRoom
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import coalesce, complete, ignore, record_all, require_claim
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inventory.shown_nights import remember_nights
from channel_sync.models import ChannelEvent, ChannelMapping, ChannelProperty, PushedRate, ShownHow
from channel_sync.outbound.changed_nights import ChangedNight, Sent, gone_night, gone_nights
from channel_sync.outbound.coalescing import (
    BookingFirst,
    WaitingEvents,
    leading,
    room_types_with_unsent_bookings,
    waiting_events,
)
from channel_sync.outbound.removed_rates import sold_or_priced
from channel_sync.outbound.units import nights_falsified, offer
from channel_sync.pms import NightlyRate, host_pms

NOTHING_TO_PUSH = "unchanged: the channel has these rates, or none is set, or the rate plan is not mapped"

PRICES_KEPT_BACK = "the currencies differ: {}. Prices are not sent; once both agree, a comparison of rates sends them."


def push_rates(event: ChannelEvent) -> None:
    """Read the rates as they are now, set them at the channel, and close every event that waited for it.

    Nights that are closed or opened, by their closures or by their first price, are sent with the units that may be
    sold: for them the rules of a push of availability hold. Where the property has another currency at the channel,
    nothing is sent but what closes or opens a night: prices wait until the currencies agree, and a comparison sends
    them then.
    """
    channel_property = event.channel_property
    require_open(channel_property)
    require_open_mapping(channel_property, event.entity_internal_id)
    looks = channel_sync_settings().pull_before_push
    with leading(event), calling(channel_property) as channel:
        require_claim(event)
        waiting, changed = _waiting(event)
        currencies = _currencies(channel_property, channel) if changed else None
        if currencies is not None and currencies.differ:
            changed = _closures_alone(changed)
        rooms, closing = _closing(channel_property, changed)
        if closing and looks:
            pull_bookings(channel_property, channel)
        not_open = held(channel_property, rooms) if rooms else set()
        offered = offer(channel_property, channel, rooms, closing, not_open=not_open)
        if not room_types_with_unsent_bookings(channel_property).isdisjoint(closing):
            raise BookingFirst()
        ranges = list(
            _ranges(changed, {rooms[room_type_id]: by_night for room_type_id, by_night in offered.units.items()})
        )
        warnings = channel.push_rates(ranges, idempotency_key=event.idempotency_key) if ranges else ()
        again = nights_falsified(channel_property, channel, closing, offered) if closing and looks else []
        with transaction.atomic():
            coalesce(waiting.event_ids, into=event)
            publish_after_commit(record_all([availability_event(channel_property.id, span) for span in again]))
            kept_back = ""
            if currencies is not None and currencies.differ:
                flag_currencies(channel_property, currencies)
                kept_back = PRICES_KEPT_BACK.format(currencies)
            if ranges:
                _remember(changed)
                remember_nights(channel_property, ShownHow.SENT, offered.known_nights())
                note_success(channel_property)
                sent = {"ranges": [nights.model_dump(mode="json") for nights in ranges]}
                complete(event, normalized_payload=sent, warnings=[*warnings, *filter(None, [kept_back])])
            else:
                ignore(event, kept_back or NOTHING_TO_PUSH)


def _currencies(channel_property: ChannelProperty, channel: Channel) -> Currencies:
    """As they were last seen; where they differed, as they are now."""
    known = known_currencies(channel_property)
    return ask_currencies(channel_property, channel) if known.differ else known


def _closures_alone(
    changed: Mapping[ChannelMapping, Sequence[ChangedNight]],
) -> dict[ChannelMapping, list[ChangedNight]]:
    """The nights that are closed or opened, without their prices, which are still to be sent afterwards."""
    moved = {
        (_room(mapping), night.night) for mapping, found in changed.items() for night in found if night.moves_closures
    }
    kept = {
        mapping: [
            replace(night.as_neighbour(), content_hash="") for night in found if (_room(mapping), night.night) in moved
        ]
        for mapping, found in changed.items()
    }
    return {mapping: found for mapping, found in kept.items() if found}


def _waiting(lead: ChannelEvent) -> tuple[WaitingEvents, dict[ChannelMapping, list[ChangedNight]]]:
    """What waits, and what of it has changed.

    Rates that are closed or opened in a room that nobody mapped are left to their own turn, and fail there alone.
    Raises `UnmappedRoom` when the lead event is of such a room: opened without its units it would be sold out twice.
    So are those of a room whose mapping is held, as its units would go along; raises `NotYet` then.
    """
    channel_property = lead.channel_property
    not_open = held(channel_property)
    waiting = waiting_events(lead, leave_out=not_open)
    changed = _changed(channel_property, waiting)
    closing = _closing_by_room(changed)
    known = room_types(channel_property, closing)
    sendable = {room for room, room_type_id in known.items() if room_type_id not in not_open}
    left_out = {
        mapping.internal_id: _room(mapping) for mapping in changed if _room(mapping) in closing.keys() - sendable
    }
    if lead.entity_internal_id in left_out:
        room = left_out[lead.entity_internal_id]
        require_open_mapping(channel_property, known.get(room))
        raise UnmappedRoom(room, str(channel_property))
    if left_out:
        waiting = waiting_events(lead, leave_out=not_open | set(left_out))
        changed = _changed(channel_property, waiting)
    return waiting, changed


def _changed(channel_property: ChannelProperty, waiting: WaitingEvents) -> dict[ChannelMapping, list[ChangedNight]]:
    """What the channel has not been told yet, by mapping, in the order of nights.

    The rate plans of a room share its restrictions: one that changes takes its neighbours along, without their prices.
    """
    mappings = _mappings_of_rooms(channel_property, waiting)
    if not mappings:
        return {}
    start, end = waiting.window()
    pushed = _pushed(mappings.values(), start, end)
    named = {night for nights in waiting.nights.values() for night in nights}
    nights: dict[ChannelMapping, list[ChangedNight]] = defaultdict(list)
    sold = [plan for plan, mapping in mappings.items() if mapping.is_active]
    for rate in host_pms().nightly_rates(sold, start, end) if sold else ():
        if rate.night in named:
            mapping = mappings[rate.rate_plan_id]
            sent = pushed[mapping.id].get(rate.night)
            nights[mapping].append(ChangedNight(rate.night, rate.terms, _digest(mapping, rate), sent))
    for mapping, gone in _gone(mappings.values(), nights, pushed, named).items():
        nights[mapping] += gone
    moved = {(_room(mapping), night.night) for mapping, found in nights.items() for night in found if night.is_news}
    return {
        mapping: [
            night if night.is_news else night.as_neighbour()
            for night in sorted(found, key=lambda one: one.night)
            if (_room(mapping), night.night) in moved
        ]
        for mapping, found in nights.items()
    }


def _gone(
    mappings: Iterable[ChannelMapping],
    nights: Mapping[ChannelMapping, Sequence[ChangedNight]],
    pushed: Mapping[UUID, Mapping[date, Sent]],
    named: Collection[date],
) -> dict[ChannelMapping, list[ChangedNight]]:
    """The nights whose rate was deleted after its price was sent, by mapping."""
    priced = {mapping: {one.night for one in found} for mapping, found in nights.items()}
    by_room: dict[str, set[date]] = defaultdict(set)
    for mapping, found in priced.items():
        by_room[_room(mapping)] |= found
    return {
        mapping: [
            gone_night(night, pushed[mapping.id][night], has_neighbours=night in by_room[_room(mapping)])
            for night in gone_nights(pushed[mapping.id], named, priced.get(mapping, ()))
        ]
        for mapping in mappings
    }


def _closing(
    channel_property: ChannelProperty, changed: Mapping[ChannelMapping, Sequence[ChangedNight]]
) -> tuple[dict[UUID, str], dict[UUID, set[date]]]:
    """Room type -> channel room, and the nights of each that are closed or opened.

    A first price opens a night of which the channel may never have heard any units. Nobody counts those of a room that
    is not mapped.
    """
    closing, priced = _closing_by_room(changed), _priced_by_room(changed)
    known = room_types(channel_property, closing.keys() | priced.keys())
    nights = {room: closing.get(room, set()) | priced.get(room, set()) for room in known}
    return {known[room]: room for room in nights}, {known[room]: found for room, found in nights.items()}


def _closing_by_room(changed: Mapping[ChannelMapping, Sequence[ChangedNight]]) -> dict[str, set[date]]:
    """Channel room -> the nights on which it is closed or opened."""
    moving: dict[str, set[date]] = defaultdict(set)
    joining: dict[str, set[date]] = defaultdict(set)
    closed: dict[str, set[date]] = defaultdict(set)
    for mapping, found in changed.items():
        room = _room(mapping)
        moving[room].update(night.night for night in found if night.moves_closures)
        # A plan that joins the others opens a room that all of them had closed.
        joining[room].update(night.night for night in found if night.sent is None)
        closed[room].update(night.night for night in found if night.is_closed)
    by_room = {room: moving[room] | (joining[room] & closed[room]) for room in moving}
    return {room: found for room, found in by_room.items() if found}


def _priced_by_room(changed: Mapping[ChannelMapping, Sequence[ChangedNight]]) -> dict[str, set[date]]:
    """Channel room -> the nights on which a plan of it gets its first price."""
    by_room: dict[str, set[date]] = defaultdict(set)
    for mapping, found in changed.items():
        by_room[_room(mapping)].update(night.night for night in found if night.gets_first_price)
    return {room: found for room, found in by_room.items() if found}


def _digest(mapping: ChannelMapping, rate: NightlyRate) -> str:
    """Of the terms and of where they go: a mapping that is moved to another room has its rates sent again."""
    return content_hash(
        RateRange(external_rate_id=mapping.external_id, first_night=rate.night, last_night=rate.night, terms=rate.terms)
    )


def _mappings_of_rooms(channel_property: ChannelProperty, waiting: WaitingEvents) -> dict[UUID, ChannelMapping]:
    """The rate plans of every room of which a plan is waiting, by plan; removed ones too whose price is still there."""
    mappings = list(sold_or_priced(channel_property))
    rooms = {_room(mapping) for mapping in mappings if mapping.internal_id in waiting.nights}
    return {mapping.internal_id: mapping for mapping in mappings if _room(mapping) in rooms}


def _pushed(mappings: Iterable[ChannelMapping], start: date, end: date) -> Mapping[UUID, dict[date, Sent]]:
    """What was sent last, by mapping and night."""
    rows = PushedRate.objects.filter(mapping__in=mappings, night__gte=start, night__lt=end)
    pushed: dict[UUID, dict[date, Sent]] = defaultdict(dict)
    for row in rows:
        pushed[row.mapping_id][row.night] = Sent(row.content_hash, row.closures, row.price)
    return pushed


def _ranges(
    changed: Mapping[ChannelMapping, Sequence[ChangedNight]], units: Mapping[str, Mapping[date, int]]
) -> Iterator[RateRange]:
    """What is sent; `units` is channel room -> night -> units, of the nights that are closed or opened."""
    for mapping, nights in changed.items():
        counted = units.get(_room(mapping), {})
        values = ((night.night, (night.terms, *_was_sent(night), counted.get(night.night))) for night in nights)
        for first, last, (terms, sent, is_known, left) in equal_ranges(values):
            yield RateRange(
                external_rate_id=mapping.external_id,
                first_night=first,
                last_night=last,
                terms=terms,
                sent=sent,
                resend=not is_known,
                units=left,
            )


def _was_sent(night: ChangedNight) -> tuple[RateTerms | None, bool]:
    """The closures that were sent last, and the price that has to be deleted; and whether the closures are known."""
    if night.sent is None:
        return None, True
    is_known = night.sent.closures is not None
    if not is_known and night.price_to_delete is None:
        return None, False
    closed = RateTerms.closed(night.sent.closures or "")
    return closed.model_copy(update={"price": night.price_to_delete}), is_known


def _remember(changed: dict[ChannelMapping, list[ChangedNight]]) -> None:
    PushedRate.objects.bulk_create(
        [
            PushedRate(
                mapping=mapping,
                night=night.night,
                content_hash=night.content_hash,
                closures=night.terms.closures(),
                price=night.price_at_channel,
            )
            for mapping, nights in changed.items()
            for night in nights
        ],
        update_conflicts=True,
        unique_fields=["mapping", "night"],
        update_fields=["content_hash", "closures", "price"],
    )


def _room(mapping: ChannelMapping) -> str:
    """The channel room that a rate id belongs to."""
    return mapping.external_id.partition(":")[0]
