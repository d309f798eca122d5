"""Make, change and remove mappings, and tell the channel what a new one means."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.connections.opening import hold_mapping, look_again
from channel_sync.errors import DuplicateMapping
from channel_sync.events.outbound_events import room_close_event
from channel_sync.events.store import record_all
from channel_sync.models import (
    AuditAction,
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    MappingType,
    PushedRate,
    ShownNight,
)
from channel_sync.operations.audit import note
from channel_sync.operations.mapping_rules import WantedMapping, require_free, require_sound
from channel_sync.operations.parity import start_soon
from channel_sync.outbound.full_sync import request_mapping_sync
from channel_sync.outbound.removed_rates import request_price_removal
from channel_sync.pms import host_pms

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
    """Tie something else, or switch on and off. Raises as `create_mapping` does.

    A channel room that no room type has any more is closed at the channel.
    """
    if is_active:
        require_sound(wanted)
    return _save(mapping, wanted, AuditAction.MAPPING_CHANGED, by, is_active=is_active, accept=accept)


@transaction.atomic
def remove_mapping(mapping: ChannelMapping, *, by: str) -> None:
    """Switch a mapping off: it is kept, and counts no more. Removing twice is the same as once.

    The channel room of a room type is closed at the channel: nobody would lower what it was last sent. The prices that
    the channel has of a removed rate plan are deleted there: it would go on selling at them.
    """
    if ChannelMapping.objects.filter(id=mapping.id, is_active=True).update(is_active=False):
        _close(mapping.channel_property_id, mapping.internal_id, mapping.external_id, MappingType(mapping.mapping_type))
        _take_off_sale(mapping)
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
            before = None if mapping._state.adding else ChannelMapping.objects.select_for_update().get(id=mapping.id)
            mapping.mapping_type = wanted.mapping_type
            mapping.internal_id = wanted.internal_id
            mapping.external_id = wanted.external_id
            mapping.is_active = is_active
            mapping.save()
            if before is not None and before.is_active and _leaves_room(before, mapping):
                kind = MappingType(before.mapping_type)
                _close(mapping.channel_property_id, before.internal_id, before.external_id, kind)
            _remember_slot(mapping, was)
            is_new = before is None or _told(before) != _told(mapping)
            is_sold = is_new and is_active and wanted.mapping_type in HELD
            is_held = is_sold and _is_live(mapping.channel_property)
            if is_held:
                hold_mapping(mapping, by=by, accept=accept)
                if wanted.mapping_type == MappingType.ROOM_TYPE:
                    # Lowered at once where the channel shows more than is free; raised once it is accepted.
                    request_mapping_sync(mapping)
            elif is_sold:
                look_again(mapping.channel_property)
            if not is_active:
                _take_off_sale(mapping)
            elif wanted.mapping_type == MappingType.ROOM_TYPE:
                _free_slots(mapping, by=by)
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
    """Whether anything is sent of it: one that is held or paused is compared as a whole before it is."""
    connected = ChannelProperty.objects.filter(id=channel_property.id, connection__isnull=False)
    return connected.filter(held_since=None).exclude(status=ChannelPropertyStatus.INACTIVE).exists()


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


def _leaves_room(before: ChannelMapping, after: ChannelMapping) -> bool:
    """Whether the channel's side has no mapping any more by a change."""
    side_before, side_after = (before.mapping_type, before.external_id), (after.mapping_type, after.external_id)
    return not after.is_active or side_before != side_after


def _close(channel_property_id: UUID, room_type_id: UUID, external_room_id: str, kind: MappingType) -> None:
    """By an event that names the room, as the mapping counts no more; one that has the room by then keeps it open."""
    if kind is MappingType.ROOM_TYPE:
        publish_after_commit(record_all([room_close_event(channel_property_id, room_type_id, external_room_id)]))


def _take_off_sale(mapping: ChannelMapping) -> None:
    if mapping.mapping_type == MappingType.RATE:
        request_price_removal(mapping)


def _free_slots(mapping: ChannelMapping, *, by: str) -> None:
    """Take plans of other room types off the price slots of a room: they would set the prices of this one."""
    property_id = mapping.channel_property.property_id
    own = [plan.id for plan in host_pms().rate_plans(property_id) if plan.room_type_id == mapping.internal_id]
    plans = ChannelMapping.objects.filter(
        channel_property=mapping.channel_property, mapping_type=MappingType.RATE, is_active=True
    )
    for plan in plans.exclude(internal_id__in=own):
        if plan.external_id.partition(":")[0] == mapping.external_id:
            remove_mapping(plan, by=by)


def _remember_slot(mapping: ChannelMapping, was: dict[str, object] | None) -> None:
    """What was sent to another slot says nothing of this one; in either, prices that nobody sets now are deleted.

    A slot that was left is kept as a mapping that is switched off, until its prices are gone.
    """
    if was is None or was["external_id"] != mapping.external_id:
        ShownNight.objects.filter(mapping=mapping).delete()
    pushed = PushedRate.objects.filter(mapping=mapping)
    if was is not None and was["external_id"] == mapping.external_id:
        pushed.update(content_hash="")
        return
    if was is not None and mapping.mapping_type == MappingType.RATE and pushed.filter(price__isnull=False).exists():
        left = ChannelMapping.objects.create(
            channel_property=mapping.channel_property,
            mapping_type=MappingType.RATE,
            internal_id=uuid4(),
            external_id=str(was["external_id"]),
            is_active=False,
        )
        pushed.update(mapping=left)
        request_price_removal(left)
    pushed.delete()


def _told(mapping: ChannelMapping) -> dict[str, object]:
    return {
        "mapping_type": str(mapping.mapping_type),
        "internal_id": str(mapping.internal_id),
        "external_id": mapping.external_id,
        "is_active": bool(mapping.is_active),
    }
