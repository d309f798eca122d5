"""The processes of an installation, in this one: a broker that is a heap, and workers who are called."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Min

from channel_sync.errors import NotYet, Retryable
from channel_sync.events.message import EventMessage
from channel_sync.events.processing import process
from channel_sync.events.relay import relay_due
from channel_sync.events.store import confirm_published
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import (
    OPEN_STATUSES,
    WAITING_STATUSES,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    OldBookings,
    ParityStatus,
    ReconciliationRun,
)
from channel_sync.outbound.changes import consume_captured
from channel_sync.parity.check import make_check, unsettled_check
from channel_sync.parity.settlement import accept, carry_out
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.tasks import RECONCILERS
from channel_sync.reconciliation.whole_calendar import of_whole_calendar
from tests.year.clock import GameClock

PATIENCE = timedelta(minutes=20)
MOST_ROUNDS = 500


class HeapBroker:
    """Takes every message and hands it out by its priority, as the queues do."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, UUID]] = []
        self._numbers = itertools.count()

    def publish(self, messages: Sequence[EventMessage]) -> Sequence[EventMessage]:
        """Take them all."""
        for message in messages:
            heapq.heappush(self._heap, (-message.priority, next(self._numbers), message.event_id))
        return messages

    def publish_recorded(self, messages: Sequence[EventMessage]) -> None:
        """The same for events that were just committed."""
        confirm_published(self.publish(messages))

    def take(self) -> UUID | None:
        """The event of the next message."""
        return heapq.heappop(self._heap)[2] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)


@dataclass
class Workers:
    """Everything that beat and the workers do, when it is asked for; waiting moves the clock."""

    clock: GameClock
    broker: HeapBroker
    worked: int = field(default=0)

    def settle(self, patience: timedelta = PATIENCE) -> bool:
        """Work until nothing is open, or what is waits longer than `patience`; whether nothing is."""
        until = self.clock.now() + patience
        expire_holds()
        self.check_parity()
        for _ in range(MOST_ROUNDS):
            consume_captured()
            self._work_queue()
            if relay_due(self.broker.publish):
                continue
            due = ChannelEvent.objects.filter(status__in=WAITING_STATUSES).aggregate(due=Min("next_attempt_at"))["due"]
            if due is None:
                return not ChannelEvent.objects.filter(status__in=OPEN_STATUSES).exists()
            if due > until:
                return False
            self.clock.move_to(due)
        raise AssertionError(f"the workers come to no end: {self.open_events()}")

    def check_parity(self) -> None:
        """Compare both sides where that is wanted, accept what is found, and go live; later if it cannot be now."""
        found = ChannelProperty.objects.filter(status=ChannelPropertyStatus.ACTIVE).first()
        if found is None or unsettled_check(found) is None:
            return
        try:
            check = make_check(found, wait=self.clock.advance)
            if check is not None and check.status == ParityStatus.WAITING:
                accept(found, OldBookings.LINK_AND_SEND, by="desk")
            carry_out(found, RunOptions(wait=self.clock.advance))
        except Retryable:
            return

    def compare(self, channel_property: ChannelProperty) -> list[ReconciliationRun]:
        """All comparisons of a day, and what they record; none while the property does not let them."""
        runs: list[ReconciliationRun] = []
        if channel_property.held_since is not None:
            return runs
        options = RunOptions(wait=self.clock.advance)
        for kind, reconcile in RECONCILERS.items():
            for how in (options, of_whole_calendar(channel_property, kind, options)):
                try:
                    runs.append(reconcile(channel_property, how))
                except NotYet:
                    continue
                self.settle()
        return runs

    def open_events(self) -> list[str]:
        """What is open, in words."""
        found = ChannelEvent.objects.filter(status__in=OPEN_STATUSES).order_by("received_at")
        return [
            f"{event.routing_key} {event.status} {event.waits_for} {event.last_error or ''}" for event in found[:20]
        ]

    def _work_queue(self) -> None:
        while (event_id := self.broker.take()) is not None:
            process(event_id)
            self.worked += 1
            consume_captured()
