"""Compare prices and restrictions: what is safe is pushed, the rest is for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges
from channel_sync.connections.currency import Currencies, ask_currencies, close_currencies, flag_currencies
from channel_sync.connections.rate_plan_names import rate_plan_names
from channel_sync.events.outbound_events import rate_event
from channel_sync.events.store import record_all
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    EntityType,
    MappingType,
    PushedRate,
    ReconciliationKind,
    ReconciliationRun,
)
from channel_sync.outbound.full_sync import request_unsent_rates
from channel_sync.outbound.removed_rates import removed_and_priced
from channel_sync.pms import RateSpan, host_pms
from channel_sync.reconciliation.plan_rooms import room_types_of_plans
from channel_sync.reconciliation.rate_conflicts import (
    Looked,
    close_opened,
    close_prices,
    close_shared,
    flag_closed,
    flag_prices,
    flag_shared,
    grouped,
)
from channel_sync.reconciliation.rate_nights import RateNights, UnequalRate, compare_nights, room_of
from channel_sync.reconciliation.runs import RunOptions, advance, running, say
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

DAYS = 365
MOST_NAMED = 10


def reconcile_rates(channel_property: ChannelProperty, options: RunOptions | None = None) -> ReconciliationRun:
    """Compare the rates that the PMS has set for today and the next 365 nights with the channel's calendar.

    The PMS says what a night costs: missing nights, restrictions and prices that differ by at most 5 % of the channel's
    are pushed; greater differences of the price are flagged, per rate plan. A price that was pushed and is gone in the
    PMS is deleted at the channel; one that the PMS never had is no difference. A night that the channel sells and the
    PMS has closed is closed again; one that was closed at the channel by hand is flagged, per room, and left to who
    closed it. Restrictions that the channel has once per room, and its plans have otherwise, are flagged per room and
    never pushed. Rooms with the rates of a plan on their way are left to it. Where the currencies differ nothing is
    compared, and the property is flagged. The run's note says why nothing was compared. Raises as `reconcile_bookings`
    does.
    """
    options = options or RunOptions()
    today = host_pms().property_facts(channel_property.property_id).today()
    window = options.window or (today, today + timedelta(days=DAYS))
    with running(channel_property, ReconciliationKind.RATES, window, options) as run:
        removed = removed_and_priced(channel_property)
        mapped = list(_mappings(channel_property))
        say(run, _not_mapped(channel_property, {mapping.internal_id for mapping in mapped}))
        mappings: list[ChannelMapping] = []
        found = RateNights()
        if mapped or removed:
            currencies = call_with_spare_credits(
                channel_property, lambda channel: ask_currencies(channel_property, channel), wait=options.wait
            )
            if currencies.differ:
                return _of_two_currencies(run, currencies, options)
            if not options.dry_run:
                _agree(channel_property)
            busy = _busy_rooms(channel_property, [*mapped, *removed])
            mappings = [mapping for mapping in mapped if room_of(mapping) not in busy]
            found = compare_nights(run, mappings, [one for one in removed if room_of(one) not in busy], options)
        advance(run, compared=found.compared)
        options.progress("rates compared", run.compared)
        _act(run, found, Looked(run, mappings, today, options.window is None), options)
    return run


def _not_mapped(channel_property: ChannelProperty, mapped: Collection[UUID]) -> str:
    """Which rate plans are sent to no channel, in words; blank when none, or when the host has no plan at all."""
    names = rate_plan_names(channel_property.property_id)
    missing = [name for plan, name in names.items() if plan not in mapped]
    if not missing:
        return ""
    if len(missing) == len(names):
        return "No rate plan is mapped: no price is sent. Map the rate plans on the mappings page of the admin."
    named = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
    return f"{len(missing)} of {len(names)} rate plans are not mapped, and their prices are not sent: {named}."


def _of_two_currencies(run: ReconciliationRun, found: Currencies, options: RunOptions) -> ReconciliationRun:
    say(
        run,
        f"The currencies differ: {found}. Prices are neither sent nor compared; set the same one on both sides.",
    )
    flagged = True
    with transaction.atomic():
        if not options.dry_run:
            flagged = flag_currencies(run.channel_property, found)
        advance(run, flagged=int(flagged))
    return run


@transaction.atomic
def _agree(channel_property: ChannelProperty) -> None:
    """Send what was kept back while the currencies differed."""
    if close_currencies(channel_property):
        request_unsent_rates(channel_property)


def _busy_rooms(channel_property: ChannelProperty, mappings: Sequence[ChannelMapping]) -> set[str]:
    """Channel rooms with an event of one of their plans on its way: the restrictions are those of all."""
    under_way = ChannelEvent.objects.filter(
        channel_property=channel_property, status__in=OPEN_STATUSES, entity_type=EntityType.RATE
    )
    plans = set(under_way.values_list("entity_internal_id", flat=True))
    return {room_of(mapping) for mapping in mappings if mapping.internal_id in plans}


def _mappings(channel_property: ChannelProperty) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(
        channel_property=channel_property, mapping_type=MappingType.RATE, is_active=True, held_since=None
    )


def _act(run: ReconciliationRun, found: RateNights, looked: Looked, options: RunOptions) -> None:
    channel_property = run.channel_property
    fixes = [rate for rate in found.differing if not rate.is_flagged]
    flags = [rate for rate in found.differing if rate.is_flagged]
    flagged = sum(
        len(set(subjects))
        for subjects in (
            [rate.mapping.id for rate in flags],
            [room_of(one.mapping) for one in found.shared],
            [one.room for one in found.closed],
        )
    )
    with transaction.atomic():
        if not options.dry_run:
            _learn(run, found.equal)
            _push(channel_property, fixes)
            flagged = flag_prices(channel_property, flags)
            flagged += flag_shared(channel_property, found.shared)
            flagged += flag_closed(channel_property, found.closed)
            close_prices(looked, flags)
            close_shared(looked, found.shared)
            close_opened(looked, found.closed)
        advance(run, fixed=len(fixes), flagged=flagged)


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


def _push(channel_property: ChannelProperty, rates: Sequence[UnequalRate]) -> None:
    """Forget what was pushed for these nights, and push them, their closures too where they differ."""
    room_type_of = room_types_of_plans(channel_property)
    events = []
    for mapping, found in grouped(rates, lambda rate: rate.mapping).items():
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
