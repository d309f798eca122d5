"""Prices of rate plans whose mapping was removed: the channel goes on selling at them until they are deleted."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, PushedRate

PRICED = Exists(PushedRate.objects.filter(mapping=OuterRef("pk"), price__isnull=False))


def removed_and_priced(channel_property: ChannelProperty) -> list[ChannelMapping]:
    """Removed mappings of rate plans of which the channel still has a price from us."""
    return list(_rates(channel_property).exclude(is_active=True).filter(PRICED))


def sold_or_priced(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    """Mappings of rate plans that are sent, and those that are removed and still have a price at the channel."""
    return _rates(channel_property).filter(Q(is_active=True) | Q(PRICED))


def _rates(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(channel_property=channel_property, mapping_type=MappingType.RATE)
