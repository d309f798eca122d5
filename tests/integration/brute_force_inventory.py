"""What is free, counted night by night in plain Python: the measure for the SQL statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from uuid import UUID


class State(Enum):
    """How a stay stands."""

    RESERVED = auto()
    HELD = auto()
    LAPSED = auto()
    ENDED = auto()


@dataclass
class ModelStay:
    """A reservation: which rooms it takes, and whether it does."""

    room_type: UUID
    check_in: date
    check_out: date
    units: int
    state: State

    def units_on(self, room_type: UUID, night: date) -> int:
        takes = self.state in (State.RESERVED, State.HELD) and self.room_type == room_type
        return self.units if takes and self.check_in <= night < self.check_out else 0


@dataclass
class ModelInventory:
    """Room types, stays and rooms out of order."""

    units: dict[UUID, int]
    stays: dict[UUID, ModelStay] = field(default_factory=dict)
    blocks: dict[UUID, tuple[UUID, UUID, date, date]] = field(default_factory=dict)

    def free(self, room_type: UUID, night: date, *, without: UUID | None = None) -> int:
        taken = sum(stay.units_on(room_type, night) for id, stay in self.stays.items() if id != without)
        closed = {room for kind, room, start, end in self.blocks.values() if kind == room_type and start <= night < end}
        return self.units[room_type] - taken - len(closed)

    def free_for(self, wanted: ModelStay, *, without: UUID | None = None) -> int:
        """Free units for a whole stay."""
        return min(self.free(wanted.room_type, night, without=without) for night in nights_of(wanted))

    def may_move(self, id: UUID, to: ModelStay) -> bool:
        """Whether a stay may become another one: it needs rooms only where it takes more than it did."""
        before = self.stays[id]
        return all(
            self.free(to.room_type, night, without=id) >= to.units
            for night in nights_of(to)
            if to.units > before.units_on(to.room_type, night)
        )


def nights_of(stay: ModelStay) -> Iterator[date]:
    night = stay.check_in
    while night < stay.check_out:
        yield night
        night += timedelta(days=1)
