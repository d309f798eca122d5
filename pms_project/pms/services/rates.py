"""Set rates and restrictions for ranges of nights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from channel_sync.outbound.enqueue import rates_changed
from channel_sync.pms import RateSpan
from pms_project.pms.models import DailyRate, RatePlan
from pms_project.pms.services.limits import require_nights, require_price, require_stay_lengths, today_at

TERMS = ("price", "min_stay", "max_stay", "stop_sell", "closed_to_arrival", "closed_to_departure")


@dataclass(frozen=True)
class RateChange:
    """The same terms for every night from `start` up to but without `end`."""

    rate_plan_id: UUID
    start: date
    end: date
    price: Decimal
    min_stay: int = 1
    max_stay: int = 364
    stop_sell: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False


@transaction.atomic
def set_rates(changes: Sequence[RateChange]) -> int:
    """Set rates in two statements per change and tell the channels once; returns how many nights have changed.

    Raises `NotWithinLimits` for the first change that is beyond one; none is made then.
    """
    plans = RatePlan.objects.select_related("room_type__hotel").in_bulk({change.rate_plan_id for change in changes})
    for change in changes:
        require_price(change.price, DailyRate)
        require_stay_lengths(change.min_stay, change.max_stay)
        require_nights(change.start, change.end, today_at(plans[change.rate_plan_id].room_type.hotel))
    written = 0
    moved: list[RateSpan] = []
    for change in changes:
        nights = _changed_nights(change)
        DailyRate.objects.bulk_create(
            nights, update_conflicts=True, unique_fields=["rate_plan", "night"], update_fields=TERMS
        )
        written += len(nights)
        if nights:
            moved.append(_span(nights, plans[change.rate_plan_id]))
    rates_changed(moved)
    return written


def _changed_nights(change: RateChange) -> list[DailyRate]:
    """The nights that do not have these terms yet, in order."""
    terms = {name: getattr(change, name) for name in TERMS}
    equal = set(
        DailyRate.objects.filter(
            rate_plan_id=change.rate_plan_id, night__gte=change.start, night__lt=change.end, **terms
        ).values_list("night", flat=True)
    )
    nights = (change.start + timedelta(days=offset) for offset in range((change.end - change.start).days))
    return [DailyRate(rate_plan_id=change.rate_plan_id, night=night, **terms) for night in nights if night not in equal]


def _span(nights: Sequence[DailyRate], plan: RatePlan) -> RateSpan:
    end = nights[-1].night + timedelta(days=1)
    return RateSpan(plan.room_type.hotel_id, plan.room_type_id, nights[0].night, end, plan.id)
