"""Push prices and restrictions: all waiting nights of a property in one call."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import RateRange, RateTerms
from channel_sync.channels.ranges import equal_ranges
from channel_sync.connections.account import calling, note_success
from channel_sync.events.lifecycle import close_coalesced, mark_done, mark_ignored
from channel_sync.models import ChannelEvent, ChannelMapping, ChannelProperty, MappingType
from channel_sync.outbound.coalescing import WaitingEvents, waiting_events
from channel_sync.pms import host_pms

NOTHING_TO_PUSH = "no rate is set on these nights, or the rate plan is not mapped"


def push_rates(event: ChannelEvent) -> None:
    """Read the rates as they are now, set them at the channel, and close every event that waited for it."""
    channel_property = event.channel_property
    with calling(channel_property) as channel:
        waiting = waiting_events(event)
        ranges = _ranges(channel_property, waiting)
        if ranges:
            channel.push_rates(ranges, idempotency_key=event.idempotency_key)
        with transaction.atomic():
            close_coalesced(waiting.event_ids, into=event)
            if ranges:
                note_success(channel_property)
                mark_done(event, normalized_payload={"ranges": [nights.model_dump(mode="json") for nights in ranges]})
            else:
                mark_ignored(event, NOTHING_TO_PUSH)


def _ranges(channel_property: ChannelProperty, waiting: WaitingEvents) -> list[RateRange]:
    plans = dict(
        ChannelMapping.objects.filter(
            channel_property=channel_property,
            mapping_type=MappingType.RATE,
            internal_id__in=waiting.nights,
            is_active=True,
        ).values_list("internal_id", "external_id")
    )
    if not plans:
        return []
    start, end = waiting.window()
    terms: dict[UUID, list[tuple[date, RateTerms]]] = defaultdict(list)
    for rate in host_pms().nightly_rates(list(plans), start, end):
        if rate.night in waiting.nights[rate.rate_plan_id]:
            terms[rate.rate_plan_id].append((rate.night, rate.terms))
    return [
        RateRange(external_rate_id=plans[plan_id], first_night=first, last_night=last, terms=same)
        for plan_id, nights in terms.items()
        for first, last, same in equal_ranges(sorted(nights, key=lambda night: night[0]))
    ]
