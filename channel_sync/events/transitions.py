"""Which verb may take an event from which status to which: the one table that every write of a status goes by.

A claim that is left by its worker (its lease is over) is in nobody's hands: people may act on it as on what waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from channel_sync.models import OPEN_STATUSES, WAITING_STATUSES, EventStatus


class Verb(StrEnum):
    """What can be done with an event."""

    CLAIM = "claim"
    COMPLETE = "complete"
    COALESCE = "coalesce"
    IGNORE = "ignore"
    DISMISS = "dismiss"
    SNOOZE = "snooze"
    DEFER = "defer"
    RETRY = "retry"
    FAIL = "fail"
    RESCUE = "rescue"
    RESTART = "restart"


@dataclass(frozen=True)
class Transition:
    """From any of the sources to the target."""

    sources: frozenset[EventStatus]
    target: EventStatus


HELD = frozenset({EventStatus.PROCESSING})
SETTLED_STATUSES = frozenset({EventStatus.DONE, EventStatus.IGNORED, EventStatus.FAILED})

TRANSITIONS: Mapping[Verb, Transition] = {
    Verb.CLAIM: Transition(frozenset(WAITING_STATUSES), EventStatus.PROCESSING),
    Verb.COMPLETE: Transition(HELD, EventStatus.DONE),
    Verb.COALESCE: Transition(frozenset(OPEN_STATUSES), EventStatus.DONE),
    Verb.IGNORE: Transition(HELD, EventStatus.IGNORED),
    Verb.DISMISS: Transition(frozenset({*OPEN_STATUSES, EventStatus.FAILED}), EventStatus.IGNORED),
    Verb.SNOOZE: Transition(HELD, EventStatus.RETRYING),
    Verb.DEFER: Transition(frozenset(WAITING_STATUSES), EventStatus.RETRYING),
    Verb.RETRY: Transition(HELD, EventStatus.RETRYING),
    Verb.FAIL: Transition(HELD, EventStatus.FAILED),
    Verb.RESCUE: Transition(HELD, EventStatus.RETRYING),
    Verb.RESTART: Transition(frozenset(EventStatus), EventStatus.RECEIVED),
}


def sources_of(verb: Verb) -> list[str]:
    """The statuses that a verb takes an event from, for a statement."""
    return sorted(status.value for status in TRANSITIONS[verb].sources)


def target_of(verb: Verb) -> EventStatus:
    """The status that a verb leaves an event in."""
    return TRANSITIONS[verb].target
