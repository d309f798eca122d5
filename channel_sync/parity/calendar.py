"""Free units and prices side by side, to the end of the calendar: what a push would raise, lower and change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import Booking
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.connections.currency import known_currencies
from channel_sync.inventory.availability import free_units, sellable
from channel_sync.parity.report import Nights, Prices
from channel_sync.parity.scope import Scope
from channel_sync.pms import host_pms
from channel_sync.reconciliation.spare_calls import Wait, call_with_spare_credits

Coming = Sequence[tuple[UUID, Booking]]


def compare_units(scope: Scope, coming: Coming, *, wait: Wait) -> Iterator[Nights]:
    """Nights that a push would change; bookings that are `coming` into the PMS take theirs. Raises what calls raise."""
    if not scope.rooms:
        return

    def read(channel: Channel) -> dict[tuple[str, date], int]:
        shown = channel.availability(list(scope.rooms.values()), scope.today, scope.last_night, only_readable=True)
        return {
            (span.external_room_id, night): span.units
            for span in shown
            for night in nights(span.first_night, span.last_night)
        }

    theirs = call_with_spare_credits(scope.channel_property, read, wait=wait)
    taken = _taken(coming)
    by_room: dict[UUID, list[tuple[date, tuple[int | None, int]]]] = defaultdict(list)
    for free in free_units(list(scope.rooms), scope.today, scope.last_night + ONE_NIGHT):
        ours = sellable(free.free - taken[free.room_type_id, free.night])
        shown = theirs.get((scope.rooms[free.room_type_id], free.night))
        # A night of which the channel has no number is one that it does not sell.
        if (shown or 0) != ours:
            by_room[free.room_type_id].append((free.night, (shown, ours)))
    for room_type_id, differing in by_room.items():
        for first, last, (shown, ours) in equal_ranges(differing):
            yield Nights(room=scope.name_of(room_type_id), first=first, last=last, channel=shown, pms=ours)


def compare_prices(scope: Scope, *, wait: Wait) -> Iterator[Prices]:
    """Nights that cost something else in the PMS than at the channel; those without a price in the PMS are left out.

    None while the currencies differ: no price is sent then either.
    """
    if not scope.plans or known_currencies(scope.channel_property).differ:
        return

    def read(channel: Channel) -> dict[tuple[str, date], str | None]:
        found = channel.rates(list(scope.plans.values()), scope.today, scope.last_night)
        return {
            (one.external_rate_id, night): None if one.terms.price is None else f"{one.terms.price:.2f}"
            for one in found
            for night in nights(one.first_night, one.last_night)
        }

    theirs = call_with_spare_credits(scope.channel_property, read, wait=wait)
    by_plan: dict[UUID, list[tuple[date, tuple[str | None, str]]]] = defaultdict(list)
    for rate in host_pms().nightly_rates(list(scope.plans), scope.today, scope.last_night + ONE_NIGHT):
        if rate.terms.price is None:
            continue
        ours, shown = f"{rate.terms.price:.2f}", theirs.get((scope.plans[rate.rate_plan_id], rate.night))
        if shown != ours:
            by_plan[rate.rate_plan_id].append((rate.night, (shown, ours)))
    for plan, differing in by_plan.items():
        for first, last, (shown, ours) in equal_ranges(sorted(differing)):
            yield Prices(plan=scope.plan_names[plan], first=first, last=last, channel=shown, pms=ours)


def _taken(coming: Coming) -> dict[tuple[UUID, date], int]:
    taken: dict[tuple[UUID, date], int] = defaultdict(int)
    for room_type_id, booking in coming:
        for night in nights(booking.check_in, booking.check_out - ONE_NIGHT):
            taken[room_type_id, night] += booking.units
    return taken
