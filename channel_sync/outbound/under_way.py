"""Bookings that a worker may have in hand at this moment: the channel may get another state than its link says."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q

from channel_sync.models import OPEN_STATUSES, PMS_SOURCE, ChannelEvent, EntityType, ReservationLink


class BookingsUnderWay:
    """Of some reservations; looked up once for all of them, when somebody asks first."""

    def __init__(self, reservation_ids: Collection[UUID], links: Collection[ReservationLink]) -> None:
        self._reservation_ids = reservation_ids
        self._links = links

    def includes(self, channel_property_id: UUID, reservation_id: UUID, link: ReservationLink | None) -> bool:
        """Whether a booking event of the reservation is open, or was settled after `link` (or none) was read."""
        open_events, links = self._found
        key = (channel_property_id, reservation_id)
        return key in open_events or _state(links.get(link.id if link is not None else key)) != _state(link)

    @cached_property
    def _found(self) -> tuple[set[tuple[UUID, UUID | None]], dict[object, ReservationLink]]:
        """Events before links: what is settled between the two statements shows in its link."""
        open_events = set(
            ChannelEvent.objects.filter(
                entity_type=EntityType.BOOKING,
                entity_internal_id__in=self._reservation_ids,
                source=PMS_SOURCE,
                status__in=OPEN_STATUSES,
            ).values_list("channel_property_id", "entity_internal_id")
        )
        links: dict[object, ReservationLink] = {}
        mine = Q(reservation_id__in=self._reservation_ids) | Q(id__in=[link.id for link in self._links])
        for link in ReservationLink.objects.filter(mine):
            links[link.id] = links[link.channel_property_id, link.reservation_id] = link
        return open_events, links


def _state(link: ReservationLink | None) -> tuple[Any, str, bool] | None:
    return (link.bases, link.pushed_hash, link.applied_cancelled) if link is not None else None
