"""Rate plans by names that tell them apart: every room type may have a plan that is called "Standard"."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from channel_sync.pms import host_pms

DASH = " \N{EN DASH} "


def rate_plan_names(property_id: UUID) -> Mapping[UUID, str]:
    """Room type and plan with a dash between them, by plan, in the order of room types; asks the host twice."""
    room_types = {room_type.id: room_type.name for room_type in host_pms().room_types(property_id)}
    order = {room_type_id: place for place, room_type_id in enumerate(room_types)}
    plans = sorted(host_pms().rate_plans(property_id), key=lambda plan: order.get(plan.room_type_id, len(order)))
    return {
        plan.id: f"{room_types[plan.room_type_id]}{DASH}{plan.name}" if plan.room_type_id in room_types else plan.name
        for plan in plans
    }
