"""Compare prices and restrictions night by night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import CLOSURES, RateRange, RateTerms
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.connections.registry import channel_class
from channel_sync.events.outbound_events import rate_event
from channel_sync.events.store import record_all
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EntityType,
    MappingType,
    PushedRate,
    ReconciliationKind,
    ReconciliationRun,
    Severity,
)
from channel_sync.pms import RateSpan, host_pms
from channel_sync.reconciliation.plan_rooms import room_types_of_plans
from channel_sync.reconciliation.rules import Flag, compare_price
from channel_sync.reconciliation.runs import RunOptions, advance, running
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

DAYS = 365


@dataclass(frozen=True)
class UnequalRate:
    """The terms of a rate plan on a night, on both sides; None where the channel has no price.

    `gone` is the price that the channel was sent, of a night that has none in the PMS any more.
    """

    mapping: ChannelMapping
    night: date
    pms: RateTerms
    channel: RateTerms | None
    gone: Decimal | None = None

    @property
    def is_flagged(self) -> bool:
        """A price that differs by more than 5 % may have been changed at the channel on purpose."""
        ours = self.pms.price if self.gone is None else self.gone
        return self.channel is not None and isinstance(compare_price(self.channel.price, ours), Flag)

    @property
    def is_open_against_the_pms(self) -> bool:
        """Whether the channel sells what the PMS has closed."""
        return self.channel is not None and any(
            getattr(self.pms, name) and not getattr(self.channel, name) for name in CLOSURES
        )


class WasSent(NamedTuple):
    """What the channel was last sent of a night; None for what is not known, and for a price that was not sent."""

    closures: str | None
    price: Decimal | None


NEVER_SENT = WasSent(None, None)


def reconcile_rates(channel_property: ChannelProperty, options: RunOptions | None = None) -> ReconciliationRun:
    """Compare the rates that the PMS has set for today and the next 365 nights with the channel's calendar.

    The PMS says what a night costs: missing nights, restrictions and prices that differ by at most 5 % of the channel's
    are pushed; greater differences of the price are flagged, per rate plan. A price that was pushed and is gone in the
    PMS is deleted at the channel; one that the PMS never had is no difference. A night that the channel sells and the
    PMS has closed is closed again; one that was closed at the channel by hand is left to who closed it. Rate plans with
    anything on its way are left to it. Raises as `reconcile_bookings` does.
    """
    options = options or RunOptions()
    today = host_pms().property_facts(channel_property.property_id).today()
    window = options.window or (today, today + timedelta(days=DAYS))
    with running(channel_property, ReconciliationKind.RATES, window, options) as run:
        mappings = _settled_mappings(channel_property)
        differing = list(_unequal(run, mappings, options)) if mappings else []
        options.progress("rates compared", run.compared)
        fixes = [rate for rate in differing if not rate.is_flagged]
        flags = [rate for rate in differing if rate.is_flagged]
        flagged = len({rate.mapping.id for rate in flags})
        with transaction.atomic():
            if not options.dry_run:
                _push(channel_property, fixes)
                flagged = _flag(channel_property, flags)
                _close_gone(run, mappings, flags, today)
            advance(run, fixed=len(fixes), flagged=flagged)
    return run


def _settled_mappings(channel_property: ChannelProperty) -> dict[str, ChannelMapping]:
    """Mapped rate plans without an event on its way, by their id at the channel."""
    under_way = ChannelEvent.objects.filter(
        channel_property=channel_property, status__in=OPEN_STATUSES, entity_type=EntityType.RATE
    )
    settled = _mappings(channel_property).exclude(internal_id__in=under_way.values("entity_internal_id"))
    return {mapping.external_id: mapping for mapping in settled}


def _mappings(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True, held_since=None
    )


def _unequal(
    run: ReconciliationRun, mappings: Mapping[str, ChannelMapping], options: RunOptions
) -> Iterator[UnequalRate]:
    first, last = run.window_start, run.window_end

    def read(channel: Channel) -> Sequence[RateRange]:
        return channel.rates(list(mappings), first, last)

    seen = call_with_spare_credits(run.channel_property, read, wait=options.wait)
    theirs = {
        (span.external_rate_id, night): span.terms
        for span in seen
        for night in nights(span.first_night, span.last_night)
    }
    by_plan = {mapping.internal_id: mapping for mapping in mappings.values()}
    sent = _sent(mappings.values(), first, last)
    within_limits = channel_class(run.channel_property.channel_name).within_limits
    equal: dict[tuple[UUID, date], Decimal] = {}
    compared = 0
    for rate in host_pms().nightly_rates(list(by_plan), first, last + ONE_NIGHT):
        mapping = by_plan[rate.rate_plan_id]
        found = theirs.get((mapping.external_id, rate.night))
        was = sent.pop((mapping.id, rate.night), NEVER_SENT)
        compared += 1
        ours = within_limits(rate.terms)
        if found is not None and was.closures in (None, ours.closures()):
            found = _without_closures_by_hand(found, ours)
        if not _same(found, ours):
            yield UnequalRate(mapping, rate.night, ours, found)
        elif found is None:
            continue
        elif ours.price is None and was.price is not None:
            yield UnequalRate(mapping, rate.night, ours, found, gone=was.price)
        elif ours.price is not None and was.price is None:
            equal[mapping.id, rate.night] = ours.price
    yield from _gone(mappings.values(), sent, theirs)
    if not options.dry_run:
        _learn(run, equal)
    advance(run, compared=compared)


def _gone(
    mappings: Iterable[ChannelMapping],
    sent: Mapping[tuple[UUID, date], WasSent],
    theirs: Mapping[tuple[str, date], RateTerms],
) -> Iterator[UnequalRate]:
    """Nights that the PMS has no rate of, and the channel sells at a price that it was sent."""
    by_id = {mapping.id: mapping for mapping in mappings}
    for (mapping_id, night), was in sent.items():
        found = theirs.get((by_id[mapping_id].external_id, night))
        if was.price is not None and found is not None and found.price is not None:
            yield UnequalRate(by_id[mapping_id], night, RateTerms(), found, gone=was.price)


def _sent(mappings: Iterable[ChannelMapping], first: date, last: date) -> dict[tuple[UUID, date], WasSent]:
    """The closures and the price that the channel was last sent, by mapping and night."""
    rows = PushedRate.objects.filter(mapping__in=mappings, night__gte=first, night__lte=last)
    return {
        (mapping, night): WasSent(closures, price)
        for mapping, night, closures, price in rows.values_list("mapping", "night", "closures", "price")
    }


def _learn(run: ReconciliationRun, equal: Mapping[tuple[UUID, date], Decimal]) -> None:
    """Prices that the channel has from us, of nights that were pushed before prices were kept."""
    mappings = {mapping_id for mapping_id, _ in equal}
    rows = PushedRate.objects.filter(
        mapping__in=mappings, night__gte=run.window_start, night__lte=run.window_end, price=None
    )
    known = []
    for row in rows:
        row.price = equal.get((row.mapping_id, row.night))
        if row.price is not None:
            known.append(row)
    PushedRate.objects.bulk_update(known, ["price"], batch_size=1000)


def _without_closures_by_hand(channel: RateTerms, pms: RateTerms) -> RateTerms:
    """The channel's terms without what somebody closed there and the PMS never did."""
    return channel.model_copy(update={name: False for name in CLOSURES if not getattr(pms, name)})


def _same(channel: RateTerms | None, pms: RateTerms) -> bool:
    """What the PMS leaves open agrees with everything; what it does not sell, with a night that has no price."""
    if channel is None:
        return pms.stop_sell
    return channel == pms.model_copy(
        update={
            name: getattr(channel, name) for name in ("price", "min_stay", "max_stay") if getattr(pms, name) is None
        }
    )


def _push(channel_property: ChannelProperty, rates: Sequence[UnequalRate]) -> None:
    """Forget what was pushed for these nights, and push them, their closures too where they differ."""
    room_type_of = room_types_of_plans(channel_property)
    events = []
    for mapping, found in _by_mapping(rates).items():
        dates = [rate.night for rate in found]
        pushed = PushedRate.objects.filter(mapping=mapping)
        pushed.filter(night__in=dates).update(content_hash="")
        pushed.filter(night__in=[rate.night for rate in found if rate.is_open_against_the_pms]).update(closures=None)
        events += [
            rate_event(
                channel_property.id,
                RateSpan(
                    channel_property.property_id,
                    room_type_of(mapping),
                    first,
                    last + ONE_NIGHT,
                    mapping.internal_id,
                ),
            )
            for first, last, _ in equal_ranges((night, True) for night in dates)
        ]
    publish_after_commit(record_all(events))


def _flag(channel_property: ChannelProperty, rates: Sequence[UnequalRate]) -> int:
    """One conflict per rate plan, with its nights; returns how many there are."""
    flagged = 0
    for mapping, found in _by_mapping(rates).items():
        flagged += flag_conflict(
            channel_property,
            ConflictKind.RATE,
            Severity.MEDIUM,
            _subject(mapping.internal_id),
            pms_side={
                "rate_plan_id": str(mapping.internal_id),
                "prices": _prices((one.night, one.pms) for one in found),
            },
            channel_side={"rate_id": mapping.external_id, "prices": _prices((one.night, one.channel) for one in found)},
        )
    return flagged


def _close_gone(
    run: ReconciliationRun, compared: Mapping[str, ChannelMapping], flags: Sequence[UnequalRate], today: date
) -> None:
    """Close the conflicts of rate plans of which each night was compared, is past, or is not sold here any more."""
    known = Conflict.objects.filter(channel_property=run.channel_property, kind=ConflictKind.RATE)
    others = known.filter(status=ConflictStatus.OPEN).exclude(
        subject__in=[_subject(rate.mapping.internal_id) for rate in flags]
    )
    plans = {mapping.internal_id for mapping in compared.values()}
    mapped = set(_mappings(run.channel_property).values_list("internal_id", flat=True))
    gone = []
    for conflict in others:
        plan = UUID(conflict.pms_side["rate_plan_id"])
        named = map(date.fromisoformat, conflict.pms_side["prices"])
        in_reach = all(night < today or run.window_start <= night <= run.window_end for night in named)
        if plan not in mapped or (plan in plans and in_reach):
            gone.append(conflict.id)
    close_gone(known.filter(id__in=gone))


def _subject(rate_plan_id: UUID) -> str:
    return f"rate:{rate_plan_id}"


def _by_mapping(rates: Sequence[UnequalRate]) -> dict[ChannelMapping, list[UnequalRate]]:
    grouped: dict[ChannelMapping, list[UnequalRate]] = {}
    for rate in rates:
        grouped.setdefault(rate.mapping, []).append(rate)
    return grouped


def _prices(terms: Iterator[tuple[date, RateTerms | None]]) -> dict[str, str | None]:
    return {
        str(night): str(found.price) if found is not None and found.price is not None else None
        for night, found in terms
    }
