"""Prices of rate plans that are gone, or not mapped any more: the channel sells at them until they are deleted."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.connections.mapped_rooms import room_types
from channel_sync.events.outbound_events import rate_event
from channel_sync.events.store import record_all
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, PushedRate
from channel_sync.pms import RateSpan, host_pms

PRICED = Exists(PushedRate.objects.filter(mapping=OuterRef("pk"), price__isnull=False))


def removed_and_priced(channel_property: ChannelProperty) -> list[ChannelMapping]:
    """Removed mappings of rate plans of which the channel still has a price from us."""
    return list(_rates(channel_property).exclude(is_active=True).filter(PRICED))


def sold_or_priced(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    """Mappings of rate plans that are sent, and those that are removed and still have a price at the channel."""
    return _rates(channel_property).filter(Q(is_active=True, held_since=None) | (~Q(is_active=True) & Q(PRICED)))


@transaction.atomic
def request_price_removal(mapping: ChannelMapping) -> int:
    """Have the prices of a removed rate plan deleted at the channel; nothing when it has none from us."""
    channel_property = mapping.channel_property
    sent = PushedRate.objects.filter(mapping=mapping, price__isnull=False).aggregate(
        first=Min("night"), last=Max("night")
    )
    if sent["first"] is None:
        return 0
    room = mapping.external_id.partition(":")[0]
    plans = {plan.id: plan.room_type_id for plan in host_pms().rate_plans(channel_property.property_id)}
    room_type_id = plans.get(mapping.internal_id) or room_types(channel_property, [room]).get(room)
    span = RateSpan(
        channel_property.property_id,
        room_type_id or mapping.internal_id,
        sent["first"],
        sent["last"] + ONE_NIGHT,
        mapping.internal_id,
    )
    events = [rate_event(channel_property.id, span)]
    publish_after_commit(record_all(events))
    return len(events)


def request_removal_of_gone_plans() -> int:
    """The same for every mapped rate plan that the PMS does not have any more; how many events that takes.

    A deleted rate whose plan is deleted too does not say what it was of.
    """
    mapped = ChannelMapping.objects.filter(PRICED, mapping_type=MappingType.RATE).select_related("channel_property")
    plans: dict[object, set[object]] = {}
    events = 0
    for mapping in mapped:
        property_id = mapping.channel_property.property_id
        if property_id not in plans:
            plans[property_id] = {plan.id for plan in host_pms().rate_plans(property_id)}
        if mapping.internal_id not in plans[property_id]:
            events += request_price_removal(mapping)
    return events


def _rates(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(channel_property=channel_property, mapping_type=MappingType.RATE)
