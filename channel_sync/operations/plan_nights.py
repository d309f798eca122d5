"""What a night costs on both sides, by rate plan: the PMS's terms, and what the channel was last sent of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from channel_sync.channels.canonical import RateTerms
from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.models import ChannelMapping, ChannelProperty, MappingType, PushedRate
from channel_sync.pms import RatePlanFacts, host_pms


@dataclass(frozen=True)
class PlanNight:
    """The terms of a night, None where the PMS has none; `price_at_channel` is the one that it was last sent."""

    night: date
    terms: RateTerms | None
    price_at_channel: Decimal | None


@dataclass(frozen=True)
class PlanNights:
    """A rate plan, its rate at the channel, and its nights."""

    facts: RatePlanFacts
    external_rate_id: str | None
    nights: Sequence[PlanNight]


def plans_of(
    channel_property: ChannelProperty, start: date, end: date, room_type_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[PlanNights]]:
    """The rate plans of room types from `start` up to but without `end`, by room type; four statements."""
    plans = sorted(
        (one for one in host_pms().rate_plans(channel_property.property_id) if one.room_type_id in room_type_ids),
        key=lambda one: one.name,
    )
    mappings = {
        mapping.internal_id: mapping
        for mapping in ChannelMapping.objects.filter(
            channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True
        )
    }
    terms = {
        (rate.rate_plan_id, rate.night): rate.terms
        for rate in host_pms().nightly_rates([plan.id for plan in plans], start, end)
    }
    sent = {
        (row.mapping_id, row.night): row.price
        for row in PushedRate.objects.filter(
            mapping__in=[mapping.id for mapping in mappings.values()], night__gte=start, night__lt=end
        )
    }
    found: dict[UUID, list[PlanNights]] = defaultdict(list)
    for plan in plans:
        mapping = mappings.get(plan.id)
        of_plan = [
            PlanNight(
                night, terms.get((plan.id, night)), sent.get((mapping.id, night)) if mapping is not None else None
            )
            for night in nights(start, end - ONE_NIGHT)
        ]
        external_id = mapping.external_id if mapping is not None else None
        found[plan.room_type_id].append(PlanNights(plan, external_id, of_plan))
    return found
