"""What one user's roles are, property by property."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.access import Access


@dataclass(frozen=True)
class OwnRole:
    """The role for one property of the PMS, whether that is connected or not."""

    property_id: UUID
    channel_property_ids: Sequence[UUID]
    role: Role


def own_roles(access: Access) -> list[OwnRole]:
    """The roles for single properties that are above the user's role for all, of properties that the user sees."""
    held = dict(access.granted(Role.VIEWER).values_list("property_id", "role").order_by("property_id"))
    above = {one: Role(role) for one, role in held.items() if access.everywhere is None or role > access.everywhere}
    connected: dict[UUID, list[UUID]] = defaultdict(list)
    known = ChannelProperty.objects.filter(property__in=above.keys()).order_by("created_at", "id")
    for property_id, channel_property_id in known.values_list("property_id", "id"):
        connected[property_id].append(channel_property_id)
    return [OwnRole(property_id, connected[property_id], role) for property_id, role in above.items()]
