"""Deliver webhooks: later, in any number of copies, again when the receiver fails."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

import requests

from channel_sync.channels.beds24.simulator.bookings import without_items
from channel_sync.channels.beds24.simulator.faults import Faults
from channel_sync.channels.beds24.simulator.state import Json, Property, Webhook, utc_now

# Beds24 tries several times over about half an hour; the simulator keeps the shape and shortens the time.
RETRY_AFTER_SECONDS = (1, 2, 5, 15, 60)
TIMEOUT_SECONDS = 10
SENDERS = 8


@dataclass(order=True)
class _Delivery:
    due: float
    number: int
    webhook: Webhook = field(compare=False)
    payload: Json = field(compare=False, repr=False)


class WebhookSender:
    """A queue of deliveries and the threads that send them."""

    def __init__(self, faults: Faults) -> None:
        self.post: Callable[[Webhook, Json], bool] = _post
        self._faults = faults
        self._heap: list[_Delivery] = []
        self._wake = threading.Condition()
        self._numbers = itertools.count()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._under_way = 0
        self.given_up = 0
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def booking_changed(self, owner: Property, booking: Json, group: Json | None) -> None:
        """Send the booking webhook of a property; it names the group, which a listing does only when asked."""
        if owner.webhook is None:
            return
        payload = {
            "timeStamp": utc_now(),
            "booking": {**without_items(booking), "bookingGroup": group},
            "infoItems": booking["infoItems"],
            "invoiceItems": booking["invoiceItems"],
            "messages": [],
            "retries": 0,
        }
        behaviour = self._faults.webhooks
        for _ in range(behaviour.copies):
            self._put(owner.webhook, payload, behaviour.delay_seconds + random.uniform(0, behaviour.reorder_seconds))

    def inventory_changed(self, owner: Property, room_id: int) -> None:
        """Send the inventory webhook of a room."""
        if owner.webhook is not None:
            payload = {
                "roomId": str(room_id),
                "propId": str(owner.id),
                "ownerId": str(owner.owner_id),
                "action": "SYNC_ROOM",
            }
            self._put(owner.webhook, payload, self._faults.webhooks.delay_seconds)

    def pending(self) -> int:
        """Deliveries that are not finished."""
        with self._wake:
            return len(self._heap) + self._under_way

    def _put(self, webhook: Webhook, payload: Json, delay: float) -> None:
        with self._wake:
            heapq.heappush(self._heap, _Delivery(time.monotonic() + delay, next(self._numbers), webhook, payload))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._heap or self._heap[0].due > time.monotonic():
                    self._wake.wait(self._heap[0].due - time.monotonic() if self._heap else None)
                delivery = heapq.heappop(self._heap)
                self._under_way += 1
            self._pool.submit(self._deliver, delivery)

    def _deliver(self, delivery: _Delivery) -> None:
        try:
            if not self.post(delivery.webhook, delivery.payload):
                self._try_again(delivery)
        finally:
            with self._wake:
                self._under_way -= 1

    def _try_again(self, delivery: _Delivery) -> None:
        retries = int(delivery.payload.get("retries", 0))
        if retries >= len(RETRY_AFTER_SECONDS):
            self.given_up += 1
            return
        self._put(delivery.webhook, {**delivery.payload, "retries": retries + 1}, RETRY_AFTER_SECONDS[retries])


def _post(webhook: Webhook, payload: Json) -> bool:
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", **webhook.headers}
    if webhook.signing_secret:
        stamp = str(int(time.time()))
        digest = hmac.new(webhook.signing_secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        headers |= {"X-Channel-Sync-Timestamp": stamp, "X-Channel-Sync-Signature": digest.hexdigest()}
    try:
        # A redirect is not followed: it would carry the secret elsewhere.
        answer = requests.post(webhook.url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        return HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES
    except requests.RequestException:
        return False
