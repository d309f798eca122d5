"""What a channel sells on each night, as far as it is known without a call: kept with each push and each comparison."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, ShownHow, ShownNight

# What is read and says nothing new is not written: a comparison reads a year of nights each hour. What is older than
# what is kept, such as a calendar that was read before a push and is written after it, is dropped.
REMEMBER = """
INSERT INTO channel_shown_nights AS shown (mapping_id, night, units, in_pms, how, known_at)
SELECT mapping.id, known.night, known.units, known.in_pms, %(how)s, coalesce(%(at)s::timestamptz, clock_timestamp())
FROM unnest(%(room_types)s::uuid[], %(nights)s::date[], %(units)s::integer[], %(in_pms)s::integer[])
  AS known (room_type_id, night, units, in_pms)
JOIN channel_mappings AS mapping
  ON mapping.channel_property_id = %(property)s AND mapping.mapping_type = 'room_type' AND mapping.is_active
 AND mapping.internal_id = known.room_type_id
ORDER BY mapping.id, known.night
ON CONFLICT (mapping_id, night) DO UPDATE
SET units = excluded.units, in_pms = excluded.in_pms, how = excluded.how, known_at = excluded.known_at
WHERE shown.known_at <= excluded.known_at
  AND (excluded.how = 'sent' OR (shown.units, shown.in_pms) IS DISTINCT FROM (excluded.units, excluded.in_pms))
"""


class KnownNight(NamedTuple):
    """Units of a room type on a night at the channel, and what the PMS has for sale at the same moment.

    `in_pms` is None where the channel was closed, whatever the PMS has.
    """

    room_type_id: UUID
    night: date
    units: int
    in_pms: int | None


def remember_nights(
    channel_property: ChannelProperty, how: ShownHow, known: Collection[KnownNight], *, at: datetime | None = None
) -> None:
    """Keep what the channel was sent or was seen to sell, at a time of the database's clock, now unless given.

    Of room types that are mapped. One statement.
    """
    if not known:
        return
    parameters = {
        "property": channel_property.id,
        "how": how.value,
        "at": at,
        "room_types": [one.room_type_id for one in known],
        "nights": [one.night for one in known],
        "units": [one.units for one in known],
        "in_pms": [one.in_pms for one in known],
    }
    with connection.cursor() as cursor:
        cursor.execute(REMEMBER, parameters)


def forget_nights(channel_property: ChannelProperty, *, before: date) -> None:
    """Delete what is kept of nights that are over."""
    mappings = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE
    ).values_list("id", flat=True)
    ShownNight.objects.filter(mapping__in=list(mappings), night__lt=before).delete()
