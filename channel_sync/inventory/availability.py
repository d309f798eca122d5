"""Free units per room type and night, in one SQL statement (design, "Inventory").

Free = units - units under maintenance - reserved units - units in active, unexpired holds. A reservation that
counts as reserved is not counted again for its hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.pms import host_pms

FREE_UNITS = """
WITH room_type (room_type_id, units) AS ({units}),
night (night) AS (SELECT generate_series(%s::date, %s::date - 1, interval '1 day')::date),
reserved (reservation_id, room_type_id, check_in, check_out, units) AS ({reserved}),
held AS (
    SELECT hold.room_type_id, hold.check_in, hold.check_out, hold.units_held AS units
    FROM inventory_holds AS hold
    WHERE hold.status = 'active' AND hold.hold_expires_at > %s
      AND hold.room_type_id = ANY(%s) AND hold.check_in < %s AND hold.check_out > %s
      AND NOT EXISTS (SELECT FROM reserved WHERE reserved.reservation_id = hold.reservation_id)
),
taken AS (
    SELECT stay.room_type_id, night.night, sum(stay.units) AS units
    FROM (
        SELECT room_type_id, check_in, check_out, units FROM reserved
        UNION ALL SELECT room_type_id, check_in, check_out, units FROM held
    ) AS stay
    JOIN night ON night.night >= stay.check_in AND night.night < stay.check_out
    GROUP BY stay.room_type_id, night.night
),
maintenance (room_id, room_type_id, start_date, end_date) AS ({maintenance}),
out_of_order AS (
    SELECT maintenance.room_type_id, night.night, count(DISTINCT maintenance.room_id) AS units
    FROM maintenance
    JOIN night ON night.night >= maintenance.start_date AND night.night < maintenance.end_date
    GROUP BY maintenance.room_type_id, night.night
)
SELECT room_type.room_type_id, night.night,
       room_type.units - coalesce(taken.units, 0) - coalesce(out_of_order.units, 0)
FROM room_type
CROSS JOIN night
LEFT JOIN taken USING (room_type_id, night)
LEFT JOIN out_of_order USING (room_type_id, night)
ORDER BY room_type.room_type_id, night.night
"""


@dataclass(frozen=True)
class FreeNight:
    """Free units of a room type on one night; below zero when it is overbooked."""

    room_type_id: UUID
    night: date
    free: int


def free_units(
    room_type_ids: Sequence[UUID], start: date, end: date, *, now: datetime | None = None
) -> list[FreeNight]:
    """Free units of every room type on every night from `start` up to but without `end`, ordered by both."""
    pms = host_pms()
    units_sql, units_params = _compiled(pms.units(room_type_ids))
    reserved_sql, reserved_params = _compiled(pms.reserved(room_type_ids, start, end))
    maintenance_sql, maintenance_params = _compiled(pms.maintenance(room_type_ids, start, end))
    statement = FREE_UNITS.format(units=units_sql, reserved=reserved_sql, maintenance=maintenance_sql)
    parameters = [
        *units_params,
        start,
        end,
        *reserved_params,
        now or timezone.now(),
        list(room_type_ids),
        end,
        start,
        *maintenance_params,
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [FreeNight(room_type_id, night, int(free)) for room_type_id, night, free in cursor.fetchall()]


def _compiled(rows: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]]:
    """The SQL of a queryset, without its ordering, and its parameters."""
    return rows.order_by().query.sql_with_params()


def check_availability(room_type_id: UUID, check_in: date, check_out: date) -> int:
    """Free units for a whole stay: the minimum over its nights (plan 6.1)."""
    return min(night.free for night in free_units([room_type_id], check_in, check_out))


def sellable(free: int) -> int:
    """What a channel is told: not below zero, unless the setting `allow_negative_availability` says so."""
    return free if channel_sync_settings().allow_negative_availability else max(free, 0)
