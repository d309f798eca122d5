"""Push prices and restrictions: all waiting nights of a property in one call, but for those the channel has already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import RateRange, RateTerms, content_hash
from channel_sync.channels.ranges import equal_ranges
from channel_sync.connections.account import calling, note_success
from channel_sync.events.lifecycle import close_coalesced, mark_done, mark_ignored, require_claim
from channel_sync.models import ChannelEvent, ChannelMapping, ChannelProperty, MappingType, PushedRate
from channel_sync.outbound.coalescing import WaitingEvents, waiting_events
from channel_sync.pms import NightlyRate, host_pms

NOTHING_TO_PUSH = "unchanged: the channel has these rates, or none is set, or the rate plan is not mapped"


@dataclass(frozen=True)
class ChangedNight:
    """The terms of a mapped rate plan on a night that the channel has not been told yet."""

    night: date
    terms: RateTerms
    content_hash: str

    def without_price(self) -> ChangedNight:
        """The restrictions alone."""
        return replace(self, terms=self.terms.model_copy(update={"price": None}))


def push_rates(event: ChannelEvent) -> None:
    """Read the rates as they are now, set them at the channel, and close every event that waited for it."""
    channel_property = event.channel_property
    with calling(channel_property) as channel:
        require_claim(event)
        waiting = waiting_events(event)
        changed = _changed(channel_property, waiting)
        ranges = list(_ranges(changed))
        if ranges:
            channel.push_rates(ranges, idempotency_key=event.idempotency_key)
        with transaction.atomic():
            close_coalesced(waiting.event_ids, into=event)
            if ranges:
                _remember(changed)
                note_success(channel_property)
                mark_done(event, normalized_payload={"ranges": [nights.model_dump(mode="json") for nights in ranges]})
            else:
                mark_ignored(event, NOTHING_TO_PUSH)


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
    for rate in host_pms().nightly_rates(list(mappings), start, end):
        if rate.night in named:
            mapping = mappings[rate.rate_plan_id]
            nights[mapping].append(ChangedNight(rate.night, rate.terms, _digest(mapping, rate)))

    def is_news(mapping: ChannelMapping, night: ChangedNight) -> bool:
        return pushed.get((mapping.id, night.night)) != night.content_hash

    moved = {(_room(m), night.night) for m, found in nights.items() for night in found if is_news(m, night)}
    return {
        mapping: [
            night if is_news(mapping, night) else night.without_price()
            for night in sorted(found, key=lambda one: one.night)
            if (_room(mapping), night.night) in moved
        ]
        for mapping, found in nights.items()
    }


def _digest(mapping: ChannelMapping, rate: NightlyRate) -> str:
    """Of the terms and of where they go: a mapping that is moved to another room has its rates sent again."""
    return content_hash(
        RateRange(external_rate_id=mapping.external_id, first_night=rate.night, last_night=rate.night, terms=rate.terms)
    )


def _mappings_of_rooms(channel_property: ChannelProperty, waiting: WaitingEvents) -> dict[UUID, ChannelMapping]:
    """The mapped rate plans of every room of which a plan is waiting, by plan."""
    mappings = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True
    )
    rooms = {_room(mapping) for mapping in mappings if mapping.internal_id in waiting.nights}
    return {mapping.internal_id: mapping for mapping in mappings if _room(mapping) in rooms}


def _pushed(mappings: Iterable[ChannelMapping], start: date, end: date) -> dict[tuple[UUID, date], str]:
    rows = PushedRate.objects.filter(mapping__in=mappings, night__gte=start, night__lt=end)
    return {(mapping, night): digest for mapping, night, digest in rows.values_list("mapping", "night", "content_hash")}


def _ranges(changed: dict[ChannelMapping, list[ChangedNight]]) -> Iterator[RateRange]:
    for mapping, nights in changed.items():
        for first, last, terms in equal_ranges((night.night, night.terms) for night in nights):
            yield RateRange(external_rate_id=mapping.external_id, first_night=first, last_night=last, terms=terms)


def _remember(changed: dict[ChannelMapping, list[ChangedNight]]) -> None:
    PushedRate.objects.bulk_create(
        [
            PushedRate(mapping=mapping, night=night.night, content_hash=night.content_hash)
            for mapping, nights in changed.items()
            for night in nights
        ],
        update_conflicts=True,
        unique_fields=["mapping", "night"],
        update_fields=["content_hash"],
    )


def _room(mapping: ChannelMapping) -> str:
    """The channel room that a rate id belongs to."""
    return mapping.external_id.partition(":")[0]
