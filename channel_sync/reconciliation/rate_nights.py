"""Prices and restrictions of both sides night by night, and what differs in which way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import CLOSURES, RateRange, RateTerms
from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.connections.registry import channel_class
from channel_sync.models import ChannelMapping, PushedRate, ReconciliationRun
from channel_sync.pms import host_pms
from channel_sync.reconciliation.rules import Flag, compare_price
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

STAYS = ("min_stay", "max_stay")
RESTRICTIONS = (*STAYS, "closed_to_arrival", "closed_to_departure")


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
        """A price that differs by more than 5 % may have been changed at the channel on purpose.

        A night that the PMS has closed is closed, whatever its price.
        """
        if self.channel is None or (self.pms.stop_sell and not self.channel.stop_sell):
            return False
        ours = self.pms.price if self.gone is None else self.gone
        return isinstance(compare_price(self.channel.price, ours), Flag)

    @property
    def is_open_against_the_pms(self) -> bool:
        """Whether the channel sells what the PMS has closed."""
        return self.channel is not None and any(
            getattr(self.pms, name) and not getattr(self.channel, name) for name in CLOSURES
        )


@dataclass(frozen=True)
class SharedNight:
    """A night on which a rate plan has other restrictions than the room, which it shares with other plans."""

    mapping: ChannelMapping
    night: date
    wanted: RateTerms
    held: RateTerms

    def differing(self) -> list[str]:
        """The restrictions that the plan says, and that the room has otherwise."""
        return [
            name
            for name in RESTRICTIONS
            if getattr(self.wanted, name) is not None and getattr(self.wanted, name) != getattr(self.held, name)
        ]


@dataclass(frozen=True)
class ClosedNight:
    """A night of a channel room that somebody closed there: the closures of the PMS, and those that the room has."""

    room: str
    night: date
    pms: RateTerms
    channel: RateTerms


@dataclass
class RateNights:
    """What a comparison found; `equal` are prices that both sides have and that nobody remembers to have sent."""

    compared: int = 0
    differing: list[UnequalRate] = field(default_factory=list)
    shared: list[SharedNight] = field(default_factory=list)
    closed: list[ClosedNight] = field(default_factory=list)
    equal: dict[tuple[UUID, date], Decimal] = field(default_factory=dict)


class WasSent(NamedTuple):
    """What the channel was last sent of a night; None for what is not known, and for a price that was not sent."""

    closures: str | None
    price: Decimal | None

    def has_moved(self, terms: RateTerms) -> bool:
        """Whether the PMS has changed its closures since, as far as that is known."""
        return self.closures not in (None, terms.closures())


NEVER_SENT = WasSent(None, None)

Theirs = Mapping[tuple[str, date], RateTerms]
Sent = dict[tuple[UUID, date], WasSent]
AsSold = Callable[[Mapping[str, RateTerms]], Mapping[str, RateTerms]]


def compare_nights(
    run: ReconciliationRun, mappings: Sequence[ChannelMapping], removed: Sequence[ChannelMapping], options: RunOptions
) -> RateNights:
    """Read both sides in the window of the run; of `removed` mappings only what is still on sale.

    `mappings` are all of their rooms: the restrictions of a room are those of all its plans together.
    """
    first, last = run.window_start, run.window_end
    every = [*mappings, *removed]
    rate_ids = [mapping.external_id for mapping in every]

    def read(channel: Channel) -> Sequence[RateRange]:
        return channel.rates(rate_ids, first, last)

    seen = call_with_spare_credits(run.channel_property, read, wait=options.wait)
    theirs = {
        (span.external_rate_id, night): _wholly_closed(span.terms)
        for span in seen
        for night in nights(span.first_night, span.last_night)
    }
    sent = _sent(every, first, last)
    found = RateNights()
    as_sold = channel_class(run.channel_property.channel_name).as_sold
    for (room, night), plans in _rooms_by_night(mappings, first, last):
        held = as_sold({mapping.external_id: terms for mapping, terms in plans.items()})
        was = {mapping: sent.pop((mapping.id, night), NEVER_SENT) for mapping in plans}
        there = {mapping: theirs.get((mapping.external_id, night)) for mapping in plans}
        found.compared += len(plans)
        found.shared += _shared(night, plans, held, as_sold)
        beside = [one for one in mappings if room_of(one) == room and one not in plans]
        is_settled = not any(was[mapping].has_moved(terms) for mapping, terms in plans.items()) and not any(
            _is_still_sold(sent.get((one.id, night), NEVER_SENT)) for one in beside
        )
        if is_settled:
            found.closed += _closed_by_hand(room, night, held, there)
        for mapping in plans:
            ours = _wholly_closed(held[mapping.external_id])
            _compare(found, mapping, night, ours, there[mapping], was[mapping], is_settled)
    found.differing += _gone(every, sent, theirs)
    return found


def room_of(mapping: ChannelMapping) -> str:
    """The channel room that a rate id belongs to."""
    return mapping.external_id.partition(":")[0]


def _rooms_by_night(
    mappings: Sequence[ChannelMapping], first: date, last: date
) -> list[tuple[tuple[str, date], dict[ChannelMapping, RateTerms]]]:
    """The plans that sell a room on a night, in the order of rooms and nights."""
    by_plan = {mapping.internal_id: mapping for mapping in mappings}
    rooms: dict[tuple[str, date], dict[ChannelMapping, RateTerms]] = defaultdict(dict)
    if by_plan:
        for rate in host_pms().nightly_rates(list(by_plan), first, last + ONE_NIGHT):
            mapping = by_plan[rate.rate_plan_id]
            rooms[room_of(mapping), rate.night][mapping] = rate.terms
    return sorted(rooms.items(), key=lambda one: one[0])


def _compare(
    found: RateNights,
    mapping: ChannelMapping,
    night: date,
    ours: RateTerms,
    theirs: RateTerms | None,
    was: WasSent,
    is_settled: bool,
) -> None:
    if theirs is not None and is_settled:
        theirs = _without_closures_by_hand(theirs, ours)
    if not _same(theirs, ours):
        found.differing.append(UnequalRate(mapping, night, ours, theirs))
    elif theirs is None:
        return
    elif ours.price is None and was.price is not None:
        found.differing.append(UnequalRate(mapping, night, ours, theirs, gone=was.price))
    elif ours.price is not None and was.price is None:
        found.equal[mapping.id, night] = ours.price


def _same(channel: RateTerms | None, pms: RateTerms) -> bool:
    """What the PMS leaves open agrees with everything; what it does not sell, with a night that has no price."""
    if channel is None:
        return pms.stop_sell
    open_to_all = {name: getattr(channel, name) for name in ("price", *STAYS) if getattr(pms, name) is None}
    return channel == pms.model_copy(update=open_to_all)


def _shared(
    night: date, plans: Mapping[ChannelMapping, RateTerms], held: Mapping[str, RateTerms], as_sold: AsSold
) -> Iterator[SharedNight]:
    """The plans on sale whose restrictions the room cannot have."""
    sold = {mapping: terms for mapping, terms in plans.items() if not terms.stop_sell}
    if len(sold) < 2:
        return
    for mapping, terms in sold.items():
        alone = as_sold({mapping.external_id: terms})[mapping.external_id]
        of_night = SharedNight(mapping, night, alone, held[mapping.external_id])
        if of_night.differing():
            yield of_night


def _closed_by_hand(
    room: str, night: date, held: Mapping[str, RateTerms], there: Mapping[ChannelMapping, RateTerms | None]
) -> Iterator[ClosedNight]:
    """The room where it has a closure that no plan on sale has."""
    for mapping, theirs in there.items():
        ours = held[mapping.external_id]
        if theirs is None or ours.stop_sell:
            continue
        if any(getattr(theirs, name) and not getattr(ours, name) for name in CLOSURES):
            yield ClosedNight(room, night, ours, theirs)
            return


def _without_closures_by_hand(channel: RateTerms, pms: RateTerms) -> RateTerms:
    """The channel's terms without what somebody closed there and the PMS never did."""
    return channel.model_copy(update={name: False for name in CLOSURES if not getattr(pms, name)})


def _wholly_closed(terms: RateTerms) -> RateTerms:
    """What is not sold has no arrival and no departure either: a room shows one closure alone."""
    return terms.model_copy(update=dict.fromkeys(CLOSURES, True)) if terms.stop_sell else terms


def _is_still_sold(was: WasSent) -> bool:
    """Whether a plan without a rate has closures of a price that is still to be deleted."""
    return was.price is not None and bool(was.closures)


def _gone(mappings: Iterable[ChannelMapping], sent: Sent, theirs: Theirs) -> Iterator[UnequalRate]:
    """Nights that the PMS has no rate of, and the channel sells at a price that it was sent."""
    by_id = {mapping.id: mapping for mapping in mappings}
    for (mapping_id, night), was in sorted(sent.items(), key=lambda one: one[0][1]):
        found = theirs.get((by_id[mapping_id].external_id, night))
        if was.price is not None and found is not None and found.price is not None:
            yield UnequalRate(by_id[mapping_id], night, RateTerms(), found, gone=was.price)


def _sent(mappings: Iterable[ChannelMapping], first: date, last: date) -> Sent:
    """The closures and the price that the channel was last sent, by mapping and night."""
    rows = PushedRate.objects.filter(mapping__in=mappings, night__gte=first, night__lte=last)
    return {
        (mapping, night): WasSent(closures, price)
        for mapping, night, closures, price in rows.values_list("mapping", "night", "closures", "price")
    }
