"""Send everything: all nights of all mapped room types and rate plans, when a person asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.conf import channel_sync_settings
from channel_sync.events.new_event import NewEvent
from channel_sync.events.outbound_events import availability_event, rate_event
from channel_sync.events.store import record_all
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, PushedRate
from channel_sync.pms import NightSpan, RateSpan, host_pms


@transaction.atomic
def request_full_sync(channel_property: ChannelProperty) -> int:
    """Record an event per mapped room type and rate plan, over the whole calendar; returns how many.

    Rates are sent whether the channel has them or not; closures go only where they change, as ever. The worker puts all
    of it into as few calls as the channel's limits allow.
    """
    PushedRate.objects.filter(mapping__channel_property=channel_property).update(content_hash="")
    return _record_calendar(
        channel_property, ChannelMapping.objects.filter(channel_property=channel_property, is_active=True)
    )


@transaction.atomic
def request_mapping_sync(mapping: ChannelMapping) -> int:
    """The same for one mapping, new or changed: the channel has never been told of it."""
    return _record_calendar(mapping.channel_property, [mapping])


@transaction.atomic
def request_unsent_rates(channel_property: ChannelProperty) -> int:
    """Record an event per mapped rate plan: what the channel has already is not sent again."""
    rates = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True
    )
    return _record_calendar(channel_property, rates)


def _record_calendar(channel_property: ChannelProperty, mappings: Iterable[ChannelMapping]) -> int:
    pms = host_pms()
    start = pms.property_facts(channel_property.property_id).today()
    end = start + timedelta(days=channel_sync_settings().calendar_nights)
    plans = {plan.id: plan.room_type_id for plan in pms.rate_plans(channel_property.property_id)}
    events: list[NewEvent] = []
    for mapping in mappings:
        entity = mapping.internal_id
        if mapping.mapping_type == MappingType.ROOM_TYPE:
            span = NightSpan(channel_property.property_id, entity, start, end)
            events.append(availability_event(channel_property.id, span))
        elif mapping.mapping_type == MappingType.RATE and entity in plans:
            rates = RateSpan(channel_property.property_id, plans[entity], start, end, entity)
            events.append(rate_event(channel_property.id, rates))
    publish_after_commit(record_all(events))
    return len(events)
