"""Webhooks of the simulator that come when the game says so: at once, late, twice, or never."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus

from django.test import Client

from channel_sync.channels.beds24.simulator import webhook_payloads
from channel_sync.channels.beds24.simulator.deliveries import Delivery
from channel_sync.channels.beds24.simulator.state import Property
from channel_sync.channels.beds24.simulator.webhook_payloads import Change, Story
from channel_sync.channels.beds24.simulator.webhooks import WebhookSender

PATH = "/webhooks/beds24/"
URL = f"https://pms.example{PATH}"


@dataclass
class HeldWebhooks:
    """Keeps what the simulator sends until it is delivered or dropped."""

    held: list[Delivery] = field(default_factory=list)
    late: list[Delivery] = field(default_factory=list)
    lost: int = 0
    # Whether the channel has changed something that no webhook has told in time, since somebody last compared.
    are_missed: bool = False

    def instead_of(self, sender: WebhookSender) -> None:
        """Take over what the simulator would send by itself."""
        sender.booking_changed = self._booking_changed  # type: ignore[method-assign]
        sender.inventory_changed = self._inventory_changed  # type: ignore[method-assign]

    def deliver(self, *, copies: int = 1) -> None:
        """What is held arrives, in its order."""
        held, self.held = self.held, []
        self._post(held * copies)

    def delay(self) -> None:
        """What is held comes with `deliver_late`."""
        self.are_missed |= bool(self.held)
        self.late += self.held
        self.held = []

    def deliver_late(self) -> None:
        """What was delayed arrives, the newest first."""
        late, self.late = self.late, []
        self._post(late[::-1])

    def lose(self) -> None:
        """What is held never arrives."""
        self.are_missed |= bool(self.held)
        self.lost += len(self.held)
        self.held = []

    def _booking_changed(self, owner: Property, story: Story, change: Change) -> None:
        self.held += webhook_payloads.of_booking(owner, story, change)

    def _inventory_changed(self, owner: Property, room_id: int) -> None:
        self.held += webhook_payloads.of_inventory(owner, room_id)

    def _post(self, deliveries: list[Delivery]) -> None:
        client = Client(headers={"Host": "localhost"})
        for delivery in deliveries:
            answer = client.post(
                PATH, json.dumps(delivery.payload), content_type="application/json", headers=delivery.headers
            )
            assert answer.status_code == HTTPStatus.OK, answer.content
