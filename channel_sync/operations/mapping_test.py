"""Try a booking of a channel against the mappings, without applying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.channels.canonical import Booking
from channel_sync.connections.registry import channel_class
from channel_sync.errors import InvalidPayload
from channel_sync.inventory.availability import check_availability
from channel_sync.models import ChannelMapping, ChannelProperty, ChannelPropertyStatus, MappingType
from channel_sync.operations.mapping_rules import internal_names


@dataclass(frozen=True)
class MappingTried:
    """What an inbound booking would meet."""

    success: bool
    mapped_internal_id: UUID | None
    mapping_found: bool
    warnings: list[str]


def try_mapping(
    channel_name: str,
    payload: Mapping[str, Any],
    mapping_type: MappingType,
    within: QuerySet[ChannelProperty] | None = None,
) -> MappingTried:
    """Find what a booking, or a whole booking webhook, is mapped to; nothing is stored.

    `within` are the properties that may be looked at: any other is answered like one that is not connected.

    Raises `ConfigurationError` for a channel that is not listed.
    """
    if mapping_type is MappingType.RATE:
        return _failed("A booking names no rate plan: rate mappings are used for what is sent, not for bookings.")
    try:
        booking = channel_class(channel_name).parse_booking(payload if "booking" in payload else {"booking": payload})
    except InvalidPayload as error:
        return _failed(str(error))
    properties = ChannelProperty.objects.all() if within is None else within
    channel_property = properties.filter(
        channel_name=channel_name, channel_property_id=booking.external_property_id
    ).first()
    if channel_property is None:
        return _failed(
            f"No property is connected as '{booking.external_property_id}' of {channel_name}: its webhook is refused."
        )
    warnings = []
    if channel_property.status != ChannelPropertyStatus.ACTIVE:
        warnings.append(f"The property is {channel_property.status}: bookings come in, nothing is sent.")
    if mapping_type is MappingType.PROPERTY:
        return MappingTried(True, channel_property.property_id, True, warnings)
    return _try_room(channel_property, booking, mapping_type, warnings)


def _try_room(
    channel_property: ChannelProperty, booking: Booking, mapping_type: MappingType, warnings: list[str]
) -> MappingTried:
    external_id = booking.external_room_id
    if mapping_type is MappingType.ROOM:
        if not booking.external_unit_id:
            return _failed("The booking names no unit: only its room type can be mapped.")
        external_id = f"{external_id}:{booking.external_unit_id}"
    mapping = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=mapping_type, external_id=external_id
    ).first()
    if mapping is None:
        return _failed(*warnings, f"Nothing is mapped to '{external_id}'. Add a '{mapping_type.value}' mapping for it.")
    if not mapping.is_active:
        return _failed(*warnings, f"The mapping of '{external_id}' is switched off. Switch it on, or add another.")
    if mapping.internal_id not in internal_names(channel_property, mapping_type):
        return _failed(*warnings, f"'{external_id}' is mapped to {mapping.internal_id}, which the PMS does not have.")
    if mapping_type is MappingType.ROOM_TYPE and booking.takes_room:
        free = check_availability(mapping.internal_id, booking.check_in, booking.check_out)
        if free < booking.units:
            warnings.append(
                f"{max(free, 0)} free units for the whole stay, {booking.units} are booked: it would be created as an "
                "overbooking."
            )
    return MappingTried(True, mapping.internal_id, True, warnings)


def _failed(*warnings: str) -> MappingTried:
    return MappingTried(False, None, False, list(warnings))
