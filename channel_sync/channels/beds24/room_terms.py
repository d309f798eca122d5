"""What a room of Beds24 says on a night for all rate plans that sell it: prices have slots, restrictions have not.

The strictest of the plans that are sold holds, so that nothing is sold that one of them forbids. A plan that is closed
beside an open one loses its price, and has no say; a room is closed when all of its plans are (docs/beds24.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from channel_sync.channels.canonical import RateTerms

SHORTEST_STAY = 1
LONGEST_STAYS = {"min_stay": 365, "max_stay": 364}

OPEN, CLOSED = "none", "blackout"
# By whether guests may not arrive, and may not leave.
OVERRIDES = {
    (False, False): OPEN,
    (True, False): "noCheckIn",
    (False, True): "noCheckOut",
    (True, True): "noCheckInOrCheckOut",
}


@dataclass(frozen=True)
class RoomTerms:
    """The restrictions of a room on a night; a stay of None leaves what Beds24 has."""

    override: str = OPEN
    min_stay: int | None = None
    max_stay: int | None = None


def within_limits(terms: RateTerms) -> RateTerms:
    """Stays brought to what Beds24 takes."""
    return terms.model_copy(
        update={
            name: min(max(nights, SHORTEST_STAY), longest)
            for name, longest in LONGEST_STAYS.items()
            if (nights := getattr(terms, name)) is not None
        }
    )


def room_terms(plans: Collection[RateTerms]) -> RoomTerms:
    """The longest minimum, the shortest maximum and every closed arrival and departure of the plans that are sold."""
    if not plans:
        return RoomTerms()
    sold = [within_limits(terms) for terms in plans if not terms.stop_sell]
    deciding = sold or [within_limits(terms) for terms in plans]
    no_arrival = any(terms.closed_to_arrival for terms in sold)
    no_departure = any(terms.closed_to_departure for terms in sold)
    return RoomTerms(
        override=OVERRIDES[no_arrival, no_departure] if sold else CLOSED,
        min_stay=max((terms.min_stay for terms in deciding if terms.min_stay is not None), default=None),
        max_stay=min((terms.max_stay for terms in deciding if terms.max_stay is not None), default=None),
    )


def as_sold(plans: Mapping[str, RateTerms]) -> dict[str, RateTerms]:
    """The terms of rates on one night, by rate id, as they read once they were sent: with those of their room."""
    rooms: dict[str, list[RateTerms]] = {}
    for rate_id, terms in plans.items():
        rooms.setdefault(rate_id.partition(":")[0], []).append(terms)
    held = {room: room_terms(found) for room, found in rooms.items()}
    return {rate_id: _within_room(terms, held[rate_id.partition(":")[0]]) for rate_id, terms in plans.items()}


def _within_room(terms: RateTerms, room: RoomTerms) -> RateTerms:
    return terms.model_copy(
        update={
            "min_stay": room.min_stay,
            "max_stay": room.max_stay,
            "closed_to_arrival": room.override in ("noCheckIn", "noCheckInOrCheckOut"),
            "closed_to_departure": room.override in ("noCheckOut", "noCheckInOrCheckOut"),
        }
    )
