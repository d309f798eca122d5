"""What it means that a channel room loses its mapping: said before it is done, in words for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelMapping, ChannelPropertyStatus, MappingType, ReservationLink
from channel_sync.operations.mapping_rules import WantedMapping, internal_names
from channel_sync.operations.pausing_means import rooms_on_sale
from channel_sync.pms import host_pms


def removing_means(mapping: ChannelMapping) -> Sequence[str]:
    """What follows when a mapping is removed or switched off; empty where no room of the channel is concerned."""
    if not mapping.is_active or mapping.mapping_type != MappingType.ROOM_TYPE:
        return ()
    names = internal_names(mapping.channel_property, MappingType.ROOM_TYPE)
    name = names.get(mapping.internal_id, str(mapping.internal_id))
    first = host_pms().property_facts(mapping.channel_property.property_id).today()
    end = first + timedelta(days=channel_sync_settings().calendar_nights)
    said = [
        f"Channel room {mapping.external_id} ({name}) is closed at the channel: no unit of it is for sale there, until "
        f"a room type is mapped to it again. {_on_sale(mapping)}",
        _when(mapping),
    ]
    return [*said, *_open_bookings(mapping, first, end)]


def changing_means(mapping: ChannelMapping, wanted: WantedMapping, *, is_active: bool) -> Sequence[str]:
    """What follows when a mapping is tied to something else; empty while its room of the channel stays mapped."""
    side = mapping.mapping_type, mapping.external_id
    return () if is_active and side == (wanted.mapping_type, wanted.external_id) else removing_means(mapping)


def _on_sale(mapping: ChannelMapping) -> str:
    """What the channel would go on selling."""
    found = [one for one in rooms_on_sale(mapping.channel_property) if one.external_room_id == mapping.external_id]
    return (
        f"Otherwise it would stay on sale with what it was last sent: {found[0].units} a night by what is free now."
        if found
        else "What it was last sent would stay on sale otherwise."
    )


def _when(mapping: ChannelMapping) -> str:
    if mapping.channel_property.status == ChannelPropertyStatus.ACTIVE:
        return (
            "The call goes out within seconds; when the channel does not answer, as soon as it does. Until then the "
            "room can be sold: its bookings fail until it is mapped."
        )
    return (
        f"{mapping.channel_property} sends nothing now ({mapping.channel_property.get_status_display()}): the room is "
        "closed once it does, and can be sold until then."
    )


def _open_bookings(mapping: ChannelMapping, first: date, end: date) -> Sequence[str]:
    reserved = host_pms().reserved([mapping.internal_id], first, end)
    links = ReservationLink.objects.filter(
        channel_property=mapping.channel_property_id,
        applied_cancelled=False,
        reservation_id__in={_first(row) for row in reserved},
    ).count()
    if not links:
        return ()
    if links == 1:
        return [
            "1 booking of this room is open, in house or to come. It stays as it is; a change of it, at the channel or "
            "at the desk, fails until the room is mapped again. Move it to another room first, or map the room soon."
        ]
    return [
        f"{links} bookings of this room are open, in house or to come. They stay as they are; a change of one, at the "
        "channel or at the desk, fails until the room is mapped again. Move them to another room first, or map the "
        "room soon."
    ]


def _first(row: Sequence[Any] | Mapping[str, Any]) -> Any:
    """The reservation: a host may give its values as tuples or by name."""
    return next(iter(row.values())) if isinstance(row, Mapping) else row[0]
