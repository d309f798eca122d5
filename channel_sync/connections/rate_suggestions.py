"""Rate plans of the PMS matched to rates of the channel: by room, then by name.

A plan is only ever suggested to a rate of the room that its room type is mapped to, or suggested to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.channels.ranges import nights
from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.connections.plain_names import plain
from channel_sync.connections.rate_plan_names import rate_plan_names
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType
from channel_sync.pms import RatePlanFacts, host_pms

LOOKED_AT = timedelta(days=365)


@dataclass(frozen=True)
class SuggestedRate:
    """A rate plan and a rate of the channel, with what both cost on one night, to tell whether they are the same.

    `night` is tonight, or the next one that the PMS has a price of; None where it has none. Prices of None are not set.
    """

    rate_plan_id: UUID
    name: str
    external_rate_id: str
    channel_name: str = ""
    night: date | None = None
    price: Decimal | None = None
    channel_price: Decimal | None = None


def suggest_rates(
    channel_property: ChannelProperty, rooms: Sequence[ChannelRoom], suggested: Mapping[UUID, str]
) -> list[SuggestedRate]:
    """Match what is not mapped on either side; `suggested` are the rooms that room types without one are to have.

    A plan goes to the rate that is named like it, whatever case and spaces. Where none is, the only plan of a room type
    goes to the first rate of its room.
    """
    active = ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True
    ).values_list("internal_id", "external_id")
    mapped, taken = {internal for internal, _ in active}, {external for _, external in active}
    room_of = {**suggested, **every_channel_room(channel_property)}
    by_id = {room.external_id: room for room in rooms}
    by_room_type: dict[UUID, list[RatePlanFacts]] = {}
    for plan in host_pms().rate_plans(channel_property.property_id):
        by_room_type.setdefault(plan.room_type_id, []).append(plan)
    names = rate_plan_names(channel_property.property_id) if by_room_type else {}
    found = []
    for room_type_id, plans in by_room_type.items():
        room = by_id.get(room_of.get(room_type_id, ""))
        if room is None:
            continue
        for plan in plans:
            rate_id = _rate_of(plan, plans, room, taken) if plan.id not in mapped else None
            if rate_id is not None:
                found.append(SuggestedRate(plan.id, names[plan.id], rate_id, room.rates[rate_id]))
    return _with_own_prices(channel_property, found)


def with_channel_prices(suggested: Sequence[SuggestedRate], channel: Channel) -> list[SuggestedRate]:
    """With what the channel has of the same nights; one call, and none where there is nothing to ask for."""
    priced = [one.night for one in suggested if one.night is not None]
    if not priced:
        return list(suggested)
    seen = channel.rates([one.external_rate_id for one in suggested], min(priced), max(priced))
    prices = {
        (span.external_rate_id, night): span.terms.price
        for span in seen
        for night in nights(span.first_night, span.last_night)
    }
    return [
        replace(one, channel_price=prices.get((one.external_rate_id, one.night))) if one.night is not None else one
        for one in suggested
    ]


def save_rates(channel_property: ChannelProperty, suggested: Sequence[SuggestedRate]) -> int:
    """Save those whose room is mapped, and that clash with no mapping that stands, or once stood; how many are new.

    Nothing is sent: before the first synchronisation the PMS does not know what is booked.
    """
    known = ChannelMapping.objects.filter(channel_property=channel_property, mapping_type=MappingType.RATE)
    taken = {side for sides in known.values_list("internal_id", "external_id") for side in sides}
    rooms = set(every_channel_room(channel_property).values())
    new = [
        one
        for one in suggested
        if not {one.rate_plan_id, one.external_rate_id} & taken and one.external_rate_id.partition(":")[0] in rooms
    ]
    for one in new:
        ChannelMapping.objects.create(
            channel_property=channel_property,
            mapping_type=MappingType.RATE,
            internal_id=one.rate_plan_id,
            external_id=one.external_rate_id,
        )
    return len(new)


def _rate_of(
    plan: RatePlanFacts, plans: Sequence[RatePlanFacts], room: ChannelRoom, taken: Collection[str]
) -> str | None:
    named = [rate_id for rate_id, name in room.rates.items() if name and plain(name) == plain(plan.name)]
    alike = [other for other in plans if plain(other.name) == plain(plan.name)]
    if len(named) == 1 and len(alike) == 1:
        return named[0] if named[0] not in taken else None
    first = next(iter(room.rates), None)
    return first if len(plans) == 1 and not named and first not in taken else None


def _with_own_prices(channel_property: ChannelProperty, found: Sequence[SuggestedRate]) -> list[SuggestedRate]:
    if not found:
        return []
    today = host_pms().property_facts(channel_property.property_id).today()
    priced: dict[UUID, tuple[date, Decimal]] = {}
    for rate in host_pms().nightly_rates([one.rate_plan_id for one in found], today, today + LOOKED_AT):
        known = priced.get(rate.rate_plan_id)
        if rate.terms.price is not None and (known is None or rate.night < known[0]):
            priced[rate.rate_plan_id] = rate.night, rate.terms.price
    return [
        replace(one, night=priced[one.rate_plan_id][0], price=priced[one.rate_plan_id][1])
        if one.rate_plan_id in priced
        else one
        for one in found
    ]
