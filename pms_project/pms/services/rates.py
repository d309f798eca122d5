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

TERMS = ("price", "min_stay", "max_stay", "stop_sell", "closed_to_arrival", "closed_to_departure")


@dataclass(frozen=True)
class RateChange:
    """The same terms for every night from `start` up to but without `end`."""

    rate_plan_id: UUID
    start: date
    end: date
    price: Decimal
    min_stay: int = 1
    max_stay: int = 365
    stop_sell: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False


@transaction.atomic
def set_rates(changes: Sequence[RateChange]) -> int:
    """Set rates in one statement per change and tell the channels once; returns the number of nights."""
    plans = RatePlan.objects.select_related("room_type").in_bulk({change.rate_plan_id for change in changes})
    nights = 0
    for change in changes:
        nights += len(
            DailyRate.objects.bulk_create(
                _rates(change), update_conflicts=True, unique_fields=["rate_plan", "night"], update_fields=TERMS
            )
        )
    rates_changed([_span(change, plans[change.rate_plan_id]) for change in changes])
    return nights


def _rates(change: RateChange) -> list[DailyRate]:
    terms = {name: getattr(change, name) for name in TERMS}
    return [
        DailyRate(rate_plan_id=change.rate_plan_id, night=change.start + timedelta(days=offset), **terms)
        for offset in range((change.end - change.start).days)
    ]


def _span(change: RateChange, plan: RatePlan) -> RateSpan:
    return RateSpan(plan.room_type.hotel_id, plan.room_type_id, change.start, change.end, plan.id)
