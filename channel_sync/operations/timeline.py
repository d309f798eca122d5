"""The events of one booking, reservation or calendar, in order: how an event came to be, and what came after."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from channel_sync.models import ChannelEvent, ReservationLink

AT_MOST = 100


def timeline_of(event: ChannelEvent) -> list[ChannelEvent]:
    """Events of the same entity on both ways, the oldest first; the latest 100 where there are more.

    A booking is followed by its number and by its reservation, whichever an event knows.
    """
    same = Q(id=event.id)
    externals, internals = _ids(event)
    if externals:
        same |= Q(entity_external_id__in=externals, entity_type=event.entity_type)
    if internals:
        same |= Q(entity_internal_id__in=internals, entity_type=event.entity_type)
    latest: QuerySet[ChannelEvent] = (
        ChannelEvent.objects.filter(same, channel_property_id=event.channel_property_id)
        .select_related("channel_property")
        .defer("payload", "normalized_payload")
        .order_by("-received_at", "-id")[:AT_MOST]
    )
    return list(reversed(latest))


def _ids(event: ChannelEvent) -> tuple[set[str], set[object]]:
    externals = {event.entity_external_id} - {None, ""}
    internals = {event.entity_internal_id} - {None}
    links = ReservationLink.objects.filter(channel_property_id=event.channel_property_id).filter(
        Q(external_id__in=externals) | Q(reservation_id__in=internals)
    )
    for external_id, reservation_id in links.values_list("external_id", "reservation_id"):
        externals.add(external_id)
        if reservation_id is not None:
            internals.add(reservation_id)
    return {str(one) for one in externals}, set(internals)
