"""The relay: hand to the broker what is due, and make due what a broker or a worker has lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from channel_sync.events.message import EventMessage
from channel_sync.events.store import confirm_published, hand_over, rescue_vanished

Publish = Callable[[Sequence[EventMessage]], Sequence[EventMessage]]


def relay_due(publish: Publish) -> int:
    """Publish everything that is due, batch by batch; returns how many messages the broker confirmed.

    What a worker that died has held is due too. `publish` returns the messages that were confirmed, and raises
    `PublishFailed` when the broker is away; the events of that batch are due again after `relay_grace`.
    """
    rescue_vanished()
    total = 0
    while batch := hand_over():
        confirmed = publish(batch)
        confirm_published(confirmed)
        total += len(confirmed)
        if len(confirmed) < len(batch):
            break
    return total
