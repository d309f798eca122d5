"""The merge: what moves from either side to the other, decided field by field from where both last agreed.

Each side has a base of its own: a host may store less than it was given, and a channel show less than it was sent, and
neither has changed anything by that. What differs from its own side's base has moved; nothing else is carried over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from channel_sync.merge.base import Base
from channel_sync.merge.fields import Field, Values, is_nothing
from channel_sync.merge.owners import Owners, Side


@dataclass(frozen=True)
class Clash:
    """Both sides have changed a field, to different values; the winner's stays."""

    field: Field
    winner: Side
    channel: Any
    pms: Any


@dataclass(frozen=True)
class Merged:
    """What is to be carried to each side, by field, and where both had moved."""

    to_pms: Values = field(default_factory=dict)
    to_channel: Values = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()


def merge(channel_base: Base, channel_now: Values, pms_base: Base, pms_now: Values, owners: Owners) -> Merged:
    """What moves where.

    A field that the channel leaves out has not moved there. One that it says for the first time is news, unless the
    PMS has filled it meanwhile: then its value goes to the channel. Sides that have never agreed on anything are as the
    channel says.
    """
    if not channel_base.marks and not pms_base.marks:
        return Merged(to_pms={one: value for one, value in channel_now.items() if value != pms_now[one]})
    to_pms: dict[Field, Any] = {}
    to_channel: dict[Field, Any] = {}
    clashes: list[Clash] = []
    for one, ours in pms_now.items():
        moved = _moved(one, channel_base, channel_now, pms_base, ours)
        if not moved or (one in channel_now and channel_now[one] == ours):
            continue
        winner = owners[one] if len(moved) > 1 else moved[0]
        if len(moved) > 1:
            clashes.append(Clash(one, winner, channel_now[one], ours))
        if winner is Side.CHANNEL:
            to_pms[one] = channel_now[one]
        else:
            to_channel[one] = ours
    return Merged(to_pms, to_channel, tuple(clashes))


def moved_by_pms(channel_base: Base, pms_base: Base, pms_now: Values) -> Values:
    """What the PMS has changed since both agreed, and the channel does not have."""
    return {
        one: ours
        for one, ours in pms_now.items()
        if _pms_moved(one, channel_base, pms_base, ours) and not channel_base.holds(one, ours)
    }


def _moved(one: Field, channel_base: Base, channel_now: Values, pms_base: Base, ours: Any) -> list[Side]:
    if one in channel_now and not channel_base.knows(one):
        return [Side.CHANNEL if is_nothing(ours) or pms_base.holds(one, ours) else Side.PMS]
    moved = [Side.CHANNEL] if one in channel_now and not channel_base.holds(one, channel_now[one]) else []
    return [*moved, Side.PMS] if _pms_moved(one, channel_base, pms_base, ours) else moved


def _pms_moved(one: Field, channel_base: Base, pms_base: Base, ours: Any) -> bool:
    """What was never agreed has moved where the channel had another value, or none and the PMS has one."""
    if pms_base.knows(one):
        return not pms_base.holds(one, ours)
    return not channel_base.holds(one, ours) if channel_base.knows(one) else not is_nothing(ours)
