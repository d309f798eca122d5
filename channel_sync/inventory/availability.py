"""Free units per room type and night, in one SQL statement.

Free = units - units under maintenance - reserved units - units in holds that keep them (`inventory/hold_policy.py`) -
units in claims of channels - units of bookings that a channel has sold and the PMS has not taken in, as their events
wait or have failed. The last three count beside the units that their own reservation has reserved on a night only as
far as they are larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import InvalidStay, UnknownRoomType
from channel_sync.inventory.hold_policy import stands_until_settled
from channel_sync.pms import host_pms

# Of the states of a booking that are not applied the newest counts, unless a later one has been applied.
NEWEST_STATE = """
NOT EXISTS (
    SELECT FROM channel_events AS later
    WHERE later.entity_external_id = event.entity_external_id
      AND later.channel_property_id = event.channel_property_id AND later.source = event.source
      AND later.entity_type = 'booking'
      AND coalesce(later.occurred_at, later.received_at) >= coalesce(event.occurred_at, event.received_at)
      AND (coalesce(later.occurred_at, later.received_at) > coalesce(event.occurred_at, event.received_at)
           OR (later.received_at > event.received_at AND later.status = 'done'))
)
"""

# Units are added up from what begins and ends on a night: the work grows with the stays, not with their nights.
FREE_UNITS = """
WITH room_type (room_type_id, units) AS ({units}),
night (night) AS (SELECT generate_series(%(start)s::date, %(end)s::date - 1, interval '1 day')::date),
reserved AS (
    SELECT * FROM ({reserved}) AS stay (reservation_id, room_type_id, check_in, check_out, units)
    WHERE reservation_id IS DISTINCT FROM %(without)s
),
kept AS (
    SELECT 'hold' AS kind, reservation_id, room_type_id, check_in, check_out, units_held AS units
    FROM inventory_holds
    WHERE status = 'active'
      AND (%(stands)s OR hold_expires_at > (SELECT coalesce(%(now)s::timestamptz, clock_timestamp())))
      AND room_type_id = ANY(%(room_types)s) AND check_in < %(end)s AND check_out > %(start)s
      AND reservation_id IS DISTINCT FROM %(without)s
    UNION ALL
    SELECT 'claim', coalesce(reservation_id, id), room_type_id, check_in, check_out, units
    FROM channel_claims
    WHERE room_type_id = ANY(%(room_types)s) AND check_in < %(end)s AND check_out > %(start)s
      AND coalesce(reservation_id, id) IS DISTINCT FROM %(without)s
    UNION ALL
    SELECT event.id::text,
           coalesce(link.reservation_id, md5(event.source || coalesce(event.entity_external_id, event.id::text))::uuid),
           mapping.internal_id, event.claimed_from, event.claimed_until, event.claimed_units
    FROM channel_events AS event
    JOIN channel_mappings AS mapping
      ON mapping.channel_property_id = event.channel_property_id AND mapping.external_id = event.claimed_room
     AND mapping.mapping_type = 'room_type' AND mapping.is_active
    LEFT JOIN channel_reservation_links AS link
      ON link.channel_property_id = event.channel_property_id AND link.external_id = event.entity_external_id
    WHERE %(unapplied)s AND mapping.internal_id = ANY(%(room_types)s)
      AND event.claimed_room IS NOT NULL AND event.status IN ('received', 'retrying', 'processing', 'failed')
      AND event.claimed_from < %(end)s AND event.claimed_until > %(start)s
      AND (%(without)s::uuid IS NULL OR link.reservation_id IS DISTINCT FROM %(without)s)
      AND {newest}
),
held AS (
    SELECT reservation_id, room_type_id, night, max(units) AS units
    FROM (
        SELECT kept.reservation_id, kept.room_type_id, night.night, sum(kept.units) AS units
        FROM kept
        JOIN night ON night.night >= kept.check_in AND night.night < kept.check_out
        GROUP BY kept.kind, kept.reservation_id, kept.room_type_id, night.night
    ) AS kept_night
    GROUP BY reservation_id, room_type_id, night
),
held_beside AS (
    SELECT held.room_type_id, held.night, greatest(held.units - coalesce(sum(own.units), 0), 0) AS units
    FROM held
    LEFT JOIN reserved AS own
      ON own.reservation_id = held.reservation_id AND own.room_type_id = held.room_type_id
     AND held.night >= own.check_in AND held.night < own.check_out
    GROUP BY held.reservation_id, held.room_type_id, held.night, held.units
),
maintenance (room_id, room_type_id, start_date, end_date) AS ({maintenance}),
out_of_order AS (
    SELECT maintenance.room_type_id, night.night, count(DISTINCT maintenance.room_id) AS units
    FROM maintenance
    JOIN night ON night.night >= maintenance.start_date AND night.night < maintenance.end_date
    GROUP BY maintenance.room_type_id, night.night
),
change AS (
    SELECT room_type_id, night, sum(units) AS units
    FROM (
        SELECT room_type_id, greatest(check_in, %(start)s::date) AS night, units FROM reserved
        UNION ALL SELECT room_type_id, check_out, -units FROM reserved
        UNION ALL SELECT room_type_id, night, units FROM held_beside
        UNION ALL SELECT room_type_id, night + 1, -units FROM held_beside
        UNION ALL SELECT room_type_id, night, units FROM out_of_order
        UNION ALL SELECT room_type_id, night + 1, -units FROM out_of_order
    ) AS bound
    GROUP BY room_type_id, night
)
SELECT room_type_id, array_agg(free ORDER BY night)
FROM (
    SELECT room_type.room_type_id, night.night,
           room_type.units - coalesce(sum(change.units) OVER by_night, 0)::integer AS free
    FROM room_type
    CROSS JOIN night
    LEFT JOIN change USING (room_type_id, night)
    WINDOW by_night AS (PARTITION BY room_type.room_type_id ORDER BY night.night)
) AS free_night
GROUP BY room_type_id
ORDER BY room_type_id
"""


class FreeNight(NamedTuple):
    """Free units of a room type on one night; below zero when it is overbooked."""

    room_type_id: UUID
    night: date
    free: int


def free_units(
    room_type_ids: Sequence[UUID],
    start: date,
    end: date,
    *,
    without: UUID | None = None,
    now: datetime | None = None,
    unapplied: bool = True,
) -> list[FreeNight]:
    """Free units of every room type on every night from `start` up to but without `end`, ordered by both.

    As if the reservation `without` were not there; without `unapplied`, as if bookings that the PMS has not taken in
    yet were not either. Where holds expire by the clock (`hold_policy` `strict`), it is that of the database unless
    `now` is given.
    """
    statement, parameters = free_units_statement(
        room_type_ids, start, end, without=without, now=now, unapplied=unapplied
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        dates = list(nights(start, end - ONE_NIGHT))
        return [
            FreeNight(room_type_id, night, free)
            for room_type_id, by_night in cursor.fetchall()
            for night, free in zip(dates, by_night, strict=True)
        ]


def free_units_statement(
    room_type_ids: Sequence[UUID],
    start: date,
    end: date,
    *,
    without: UUID | None = None,
    now: datetime | None = None,
    unapplied: bool = True,
) -> tuple[str, dict[str, Any]]:
    """The statement of `free_units` and its parameters."""
    pms = host_pms()
    parameters: dict[str, Any] = {
        "start": start,
        "end": end,
        "without": without,
        "now": now,
        "stands": stands_until_settled(),
        "unapplied": unapplied,
        "room_types": list(room_type_ids),
    }
    sources = {
        "units": pms.units(room_type_ids),
        "reserved": pms.reserved(room_type_ids, start, end),
        "maintenance": pms.maintenance(room_type_ids, start, end),
    }
    named = {name: named_sql(name, rows, parameters) for name, rows in sources.items()}
    return FREE_UNITS.format(newest=NEWEST_STATE, **named), parameters


def named_sql(name: str, rows: QuerySet[Any, Any], parameters: dict[str, Any]) -> str:
    """The SQL of a queryset without its ordering, an empty one too; its parameters get names and go to the others."""
    sql, values = rows.order_by().query.get_compiler(connection=connection, elide_empty=False).as_sql()
    names = [f"{name}_{position}" for position in range(len(values))]
    parameters.update(zip(names, values, strict=True))
    named: str = sql.replace("%%", "%%%%") % tuple(f"%({parameter})s" for parameter in names)
    return named


def check_availability(
    room_type_id: UUID, check_in: date, check_out: date, *, without: UUID | None = None, now: datetime | None = None
) -> int:
    """Free units for a whole stay: the minimum over its nights.

    Raises `InvalidStay`, `UnknownRoomType`.
    """
    if check_out <= check_in:
        raise InvalidStay(check_in, check_out)
    found = free_units([room_type_id], check_in, check_out, without=without, now=now)
    if not found:
        raise UnknownRoomType(room_type_id)
    return min(night.free for night in found)


def sellable(free: int) -> int:
    """What a channel is told: not below zero, unless the setting `allow_negative_availability` says so."""
    return free if channel_sync_settings().allow_negative_availability else max(free, 0)
