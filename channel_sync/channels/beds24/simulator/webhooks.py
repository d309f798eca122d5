"""Deliver webhooks: later, in any number of copies, again when the receiver fails."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from channel_sync.channels.beds24.simulator import webhook_payloads
from channel_sync.channels.beds24.simulator.deliveries import Delivery, send
from channel_sync.channels.beds24.simulator.faults import Faults
from channel_sync.channels.beds24.simulator.state import Property
from channel_sync.channels.beds24.simulator.webhook_payloads import Change, Story

# Beds24 tries several times over about half an hour; the simulator keeps the shape and shortens the time.
RETRY_AFTER_SECONDS = (1, 2, 5, 15, 60)
SENDERS = 8


@dataclass(order=True)
class _Queued:
    due: float
    number: int
    delivery: Delivery = field(compare=False)
    retries: int = field(compare=False, default=0)


class WebhookSender:
    """A queue of deliveries and the threads that send them."""

    def __init__(self, faults: Faults) -> None:
        self.send: Callable[[Delivery], bool] = send
        self._faults = faults
        self._heap: list[_Queued] = []
        self._wake = threading.Condition()
        self._numbers = itertools.count()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._under_way = 0
        self.given_up = 0
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def booking_changed(self, owner: Property, story: Story, change: Change) -> None:
        """Send the booking webhook of a property; it names the group, which a listing does only when asked."""
        behaviour = self._faults.webhooks
        for delivery in webhook_payloads.of_booking(owner, story, change):
            for _ in range(behaviour.copies):
                self._put(delivery, behaviour.delay_seconds + random.uniform(0, behaviour.reorder_seconds))

    def inventory_changed(self, owner: Property, room_id: int) -> None:
        """Send the inventory webhook of a room."""
        for delivery in webhook_payloads.of_inventory(owner, room_id):
            self._put(delivery, self._faults.webhooks.delay_seconds)

    def pending(self) -> int:
        """Deliveries that are not finished."""
        with self._wake:
            return len(self._heap) + self._under_way

    def _put(self, delivery: Delivery, delay: float, retries: int = 0) -> None:
        with self._wake:
            heapq.heappush(self._heap, _Queued(time.monotonic() + delay, next(self._numbers), delivery, retries))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._heap or self._heap[0].due > time.monotonic():
                    self._wake.wait(self._heap[0].due - time.monotonic() if self._heap else None)
                queued = heapq.heappop(self._heap)
                self._under_way += 1
            self._pool.submit(self._deliver, queued)

    def _deliver(self, queued: _Queued) -> None:
        try:
            if not self.send(queued.delivery):
                self._try_again(queued)
        finally:
            with self._wake:
                self._under_way -= 1

    def _try_again(self, queued: _Queued) -> None:
        if queued.retries >= len(RETRY_AFTER_SECONDS):
            self.given_up += 1
            return
        delivery, retries = queued.delivery, queued.retries + 1
        if "retries" in delivery.payload:
            delivery = replace(delivery, payload={**delivery.payload, "retries": retries})
        self._put(delivery, RETRY_AFTER_SECONDS[queued.retries], retries)
