"""Whether both sides mean the same property: currency, time zone, units, and what nobody has mapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.channels.setup import PropertySetup
from channel_sync.connections.currency import note_currency
from channel_sync.errors import PropertyGone
from channel_sync.models import ChannelProperty
from channel_sync.parity.scope import Scope
from channel_sync.pms import RoomTypeFacts, host_pms
from channel_sync.reconciliation.spare_calls import Wait, call_with_spare_credits


def compare_setup(scope: Scope, *, wait: Wait) -> tuple[list[str], list[str]]:
    """What differs between both sides, and what is not mapped, in sentences. Raises `PropertyGone`, and as calls do."""
    number = scope.channel_property.channel_property_id

    def read(channel: Channel) -> tuple[PropertySetup | None, Sequence[ChannelRoom]]:
        details = {one.external_id: one for one in channel.properties()}.get(number)
        if details is None:
            raise PropertyGone(scope.channel_property)
        return channel.setup_of(number) if scope.is_whole else None, details.rooms

    setup, rooms = call_with_spare_credits(scope.channel_property, read, wait=wait)
    mapped = {room: room_type_id for room_type_id, room in scope.rooms.items()}
    differences = [*of_quantities(scope.channel_property, mapped, rooms)]
    if setup is not None:
        note_currency(scope.channel_property, setup.currency)
        differences = [*of_property(scope.channel_property, setup), *differences]
    return differences, list(_unmapped(scope, rooms)) if scope.is_new else []


def of_property(channel_property: ChannelProperty, setup: PropertySetup) -> Iterator[str]:
    """Currency and time zone, as far as the channel says them."""
    facts = host_pms().property_facts(channel_property.property_id)
    if setup.currency and setup.currency.upper() != facts.currency.upper():
        yield (
            f"Currency: {setup.currency} at the channel, {facts.currency} in the PMS. No price is sent or "
            "compared until both are the same: correct the one that is wrong."
        )
    if setup.time_zone and setup.time_zone != facts.time_zone:
        yield (
            f"Time zone: {setup.time_zone} at the channel, {facts.time_zone} in the PMS. The day ends at different "
            "times: correct the one that is wrong."
        )


def of_quantities(
    channel_property: ChannelProperty, mapped: Mapping[str, UUID], rooms: Sequence[ChannelRoom]
) -> Iterator[str]:
    """Channel rooms with another number of units than their room types; `mapped` is channel room -> room type."""
    room_types = {one.id: one for one in host_pms().room_types(channel_property.property_id)}
    known = {room.external_id for room in rooms}
    for room in rooms:
        ours = room_types.get(mapped[room.external_id]) if room.external_id in mapped else None
        if ours is not None and room.units and room.units != ours.units:
            yield _of_quantity(room, ours)
    for number, room_type_id in mapped.items():
        if known and number not in known:
            name = room_types[room_type_id].name if room_type_id in room_types else str(room_type_id)
            yield f"{name} is mapped to room {number}, which the channel does not have. Map it to one that it has."


def _of_quantity(room: ChannelRoom, ours: RoomTypeFacts) -> str:
    effect = (
        "The channel never offers more than it has: set its quantity."
        if room.units < ours.units
        else "The channel is sent what is free, and never more: correct the number that is wrong."
    )
    theirs = f"{room.units} at the channel (room {room.external_id})"
    return f"Units of {ours.name}: {theirs}, {ours.units} in the PMS. {effect}"


def _unmapped(scope: Scope, rooms: Sequence[ChannelRoom]) -> Iterator[str]:
    for room_type in scope.facts.values():
        if room_type.id not in scope.rooms:
            yield f"Room type {room_type.name} is not mapped: the channel hears nothing of it. Map it, or accept that."
    for plan, name in scope.plan_names.items():
        if plan not in scope.plans:
            yield f"Rate plan {name} is not mapped: no price of it is sent. Map it, or accept that."
    for room in rooms:
        if room.external_id not in scope.room_types:
            yield (
                f"Room {room.external_id} ({room.name}) of the channel is not mapped: its bookings cannot come in. "
                "Map it, or accept that."
            )
