"""Make, change and remove mappings, and tell the channel what a new one means."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q

from channel_sync.connections.opening import hold_mapping
from channel_sync.errors import DuplicateMapping
from channel_sync.models import (
    AuditAction,
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    MappingType,
    PushedRate,
)
from channel_sync.operations.audit import note
from channel_sync.operations.mapping_rules import WantedMapping, require_free, require_sound
from channel_sync.operations.parity import start_soon

HELD = (MappingType.ROOM_TYPE, MappingType.RATE)


def create_mapping(wanted: WantedMapping, *, by: str, accept: bool = False) -> ChannelMapping:
    """Save a new mapping; the events that failed without it are retried, and both sides of it are compared.

    Its calendar is sent once that report is clean or accepted; `accept` accepts it beforehand, whatever it says.

    A removed mapping that is in the way is taken up again. Raises `InvalidMapping`, `DuplicateMapping`.
    """
    require_sound(wanted)
    mapping = ChannelMapping(channel_property=wanted.channel_property)
    return _save(mapping, wanted, AuditAction.MAPPING_CREATED, by, accept=accept)


def change_mapping(
    mapping: ChannelMapping, wanted: WantedMapping, *, by: str, is_active: bool = True, accept: bool = False
) -> ChannelMapping:
    """Tie something else, or switch on and off. Raises as `create_mapping` does."""
    if is_active:
        require_sound(wanted)
    return _save(mapping, wanted, AuditAction.MAPPING_CHANGED, by, is_active=is_active, accept=accept)


@transaction.atomic
def remove_mapping(mapping: ChannelMapping, *, by: str) -> None:
    """Switch a mapping off: it is kept, and counts no more. Removing twice is the same as once."""
    if ChannelMapping.objects.filter(id=mapping.id, is_active=True).update(is_active=False):
        note(
            by, AuditAction.MAPPING_REMOVED, f"mapping:{mapping.id}",
            channel_property_id=mapping.channel_property_id, was=_told(mapping),
        )  # fmt: skip


def _save(
    mapping: ChannelMapping,
    wanted: WantedMapping,
    action: AuditAction,
    by: str,
    *,
    is_active: bool = True,
    accept: bool = False,
) -> ChannelMapping:
    try:
        with transaction.atomic():
            mapping = _make_room(mapping, wanted)
            was = _told(mapping) if mapping.external_id else None
            mapping.mapping_type = wanted.mapping_type
            mapping.internal_id = wanted.internal_id
            mapping.external_id = wanted.external_id
            mapping.is_active = is_active
            mapping.save()
            PushedRate.objects.filter(mapping=mapping).delete()
            is_held = is_active and wanted.mapping_type in HELD and _is_live(mapping.channel_property)
            if is_held:
                hold_mapping(mapping, by=by, accept=accept)
            note(
                by, action, f"mapping:{mapping.id}",
                channel_property_id=mapping.channel_property_id, was=was, now=_told(mapping),
            )  # fmt: skip
    except IntegrityError as error:
        raise DuplicateMapping("internal or external id", "that was saved at this moment") from error
    if is_held:
        start_soon(mapping.channel_property)
    return mapping


def _is_live(channel_property: ChannelProperty) -> bool:
    """Whether anything is sent of it: one that is held, paused or not connected is compared as a whole."""
    return ChannelProperty.objects.filter(
        id=channel_property.id, held_since=None, status=ChannelPropertyStatus.ACTIVE, connection__isnull=False
    ).exists()


def _make_room(mapping: ChannelMapping, wanted: WantedMapping) -> ChannelMapping:
    """Take up a removed mapping that holds one of the ids, delete a second one; an active one is a duplicate."""
    require_free(wanted, None if mapping._state.adding else mapping.id)
    one_of_its_sides = Q(internal_id=wanted.internal_id) | Q(external_id=wanted.external_id)
    found = ChannelMapping.objects.select_for_update().filter(
        one_of_its_sides, channel_property=wanted.channel_property, mapping_type=wanted.mapping_type, is_active=False
    )
    in_the_way = {other.id: other for other in found.order_by("id") if other != mapping}
    if mapping._state.adding and in_the_way:
        mapping = in_the_way.pop(next(iter(in_the_way)))
    ChannelMapping.objects.filter(id__in=in_the_way).delete()
    return mapping


def _told(mapping: ChannelMapping) -> dict[str, object]:
    return {
        "mapping_type": str(mapping.mapping_type),
        "internal_id": str(mapping.internal_id),
        "external_id": mapping.external_id,
        "is_active": bool(mapping.is_active),
    }
