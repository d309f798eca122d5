"""Nights that a channel has sold and the PMS does not keep yet, in one SQL statement: which, and what settles them.

The same as `inventory/availability.py` takes from what is free: inbound bookings whose events wait or have failed, and
claims of bookings that the PMS has stored in part; each only as far as its own reservation does not take it already.
Bookings of rooms that nobody has mapped are among them, though no room type can be kept for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from channel_sync.channels.ranges import equal_ranges
from channel_sync.inventory.availability import NEWEST_STATE, named_sql
from channel_sync.models import ChannelMapping, ChannelProperty, EventStatus, MappingType
from channel_sync.pms import host_pms

READ_AT_MOST = 200

NOT_IN_PMS = """
WITH own (reservation_id, room_type_id, check_in, check_out, units) AS (
    SELECT * FROM ({reserved}) AS stay (reservation_id, room_type_id, check_in, check_out, units)
    UNION ALL
    SELECT reservation_id, room_type_id, check_in, check_out, units_held FROM inventory_holds WHERE status = 'active'
),
sold AS (
    SELECT event.id AS event_id, NULL::uuid AS claim_id, event.entity_external_id AS external_id, event.status,
           event.claimed_room AS room, mapping.internal_id AS room_type_id, link.reservation_id,
           event.claimed_from AS check_in, event.claimed_until AS check_out, event.claimed_units AS units,
           event.received_at AS since
    FROM channel_events AS event
    LEFT JOIN channel_mappings AS mapping
      ON mapping.channel_property_id = event.channel_property_id AND mapping.external_id = event.claimed_room
     AND mapping.mapping_type = 'room_type' AND mapping.is_active
    LEFT JOIN channel_reservation_links AS link
      ON link.channel_property_id = event.channel_property_id AND link.external_id = event.entity_external_id
    WHERE event.channel_property_id = %(property)s
      AND event.claimed_room IS NOT NULL AND event.status IN ('received', 'retrying', 'processing', 'failed')
      AND event.claimed_from < %(end)s AND event.claimed_until > %(start)s
      AND (%(room_type)s::uuid IS NULL OR mapping.internal_id = %(room_type)s)
      AND (%(event)s::uuid IS NULL OR event.id = %(event)s)
      AND {newest}
    UNION ALL
    SELECT NULL, claim.id, claim.external_id, '', mapping.external_id, claim.room_type_id, claim.reservation_id,
           claim.check_in, claim.check_out, claim.units, claim.created_at
    FROM channel_claims AS claim
    LEFT JOIN channel_mappings AS mapping
      ON mapping.channel_property_id = claim.channel_property_id AND mapping.internal_id = claim.room_type_id
     AND mapping.mapping_type = 'room_type' AND mapping.is_active
    WHERE claim.channel_property_id = %(property)s AND claim.check_in < %(end)s AND claim.check_out > %(start)s
      AND (%(room_type)s::uuid IS NULL OR claim.room_type_id = %(room_type)s) AND %(event)s::uuid IS NULL
    ORDER BY since
    LIMIT %(limit)s
),
missing AS (
    SELECT sold.*, night::date AS night, greatest(sold.units - coalesce(sum(own.units), 0), 0)::integer AS missing
    FROM sold
    CROSS JOIN LATERAL generate_series(
        greatest(sold.check_in, %(start)s::date), least(sold.check_out, %(end)s::date) - 1, interval '1 day'
    ) AS night
    LEFT JOIN own
      ON own.reservation_id = sold.reservation_id AND own.room_type_id = sold.room_type_id
     AND night >= own.check_in AND night < own.check_out
    GROUP BY sold.event_id, sold.claim_id, sold.external_id, sold.status, sold.room, sold.room_type_id,
             sold.reservation_id, sold.check_in, sold.check_out, sold.units, sold.since, night
)
SELECT event_id, claim_id, external_id, status, room, room_type_id, since,
       array_agg(night ORDER BY night), array_agg(missing ORDER BY night)
FROM missing
WHERE missing > 0
GROUP BY event_id, claim_id, external_id, status, room, room_type_id, since
ORDER BY min(night), since, external_id
"""


@dataclass(frozen=True)
class SoldNights:
    """`units` units on every night from `first` to `last`."""

    first: date
    last: date
    units: int

    def __str__(self) -> str:
        nights = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.units} {'unit' if self.units == 1 else 'units'} on {nights}"


@dataclass(frozen=True)
class NotInPms:
    """What one booking of a channel takes beside what its own reservation takes already.

    `event_id` is the event to settle, with its `event_status`; None, and a `claim_id`, where the PMS has stored the
    booking in part. `room_type_id` is None where the room is not mapped, `room` where no room has the type.
    """

    external_id: str | None
    room: str | None
    room_type_id: UUID | None
    since: datetime
    nights: Sequence[SoldNights]
    event_id: UUID | None = None
    event_status: str = ""
    claim_id: UUID | None = None

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to see to it; what waits goes on by itself."""
        return self.event_status == EventStatus.FAILED

    @property
    def is_partly_stored(self) -> bool:
        """Whether the PMS has the booking, and not all of it."""
        return self.event_id is None

    def takes(self, nights: Collection[date]) -> bool:
        """Whether any of the nights is among those that it takes."""
        return any(span.first <= night <= span.last for span in self.nights for night in nights)


def not_in_pms(
    channel_property: ChannelProperty,
    start: date,
    end: date,
    *,
    room_type_id: UUID | None = None,
    event_id: UUID | None = None,
) -> list[NotInPms]:
    """The bookings that take nights from `start` up to but without `end`, of one room type, of one event, or all.

    Ordered by their first night; the `READ_AT_MOST` that have waited longest.
    """
    parameters: dict[str, Any] = {
        "property": channel_property.id,
        "start": start,
        "end": end,
        "room_type": room_type_id,
        "event": event_id,
        "limit": READ_AT_MOST,
    }
    reserved = host_pms().reserved(_room_types(channel_property, room_type_id), start, end)
    statement = NOT_IN_PMS.format(newest=NEWEST_STATE, reserved=named_sql("reserved", reserved, parameters))
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [
            NotInPms(
                external_id=external_id,
                room=room,
                room_type_id=found_room_type_id,
                since=since,
                nights=[SoldNights(*run) for run in equal_ranges(zip(nights, units, strict=True))],
                event_id=found_event_id,
                event_status=status,
                claim_id=claim_id,
            )
            for (
                found_event_id, claim_id, external_id, status, room, found_room_type_id, since, nights, units,
            ) in cursor.fetchall()
        ]  # fmt: skip


def _room_types(channel_property: ChannelProperty, room_type_id: UUID | None) -> list[UUID]:
    """Those whose reservations may have what a booking takes."""
    if room_type_id is not None:
        return [room_type_id]
    mappings = ChannelMapping.objects.filter(channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE)
    return list(mappings.values_list("internal_id", flat=True))
