"""`manage.py channel_sync_relay`: make the events of captured changes, hand to the broker what is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from channel_sync.broker.hand_over import gathered
from channel_sync.broker.publisher import publish
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage
from channel_sync.events.relay import relay_due
from channel_sync.events.store import confirm_published
from channel_sync.outbound.changes import consume_captured


class Command(BaseCommand):
    """Beat runs the relay by itself; this is for a look by hand, or for a process of its own."""

    help = (
        "Make the events of captured changes that no signal took, then publish events that are due: never published, "
        "waiting for a retry, or left by a worker that died."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Once, or as a process."""
        parser.add_argument("--forever", action="store_true", help="Go on every relay_interval until stopped.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 1 when the broker does not take the messages."""
        while options["forever"]:
            close_old_connections()
            try:
                consume_captured()
                relay_due(publish)
            except PublishFailed as error:
                self.stderr.write(str(error))
            time.sleep(channel_sync_settings().relay_interval.total_seconds())
        with gathered() as messages:
            captured = consume_captured()
        self.stdout.write(
            f"Captured changes: {captured.taken} taken, {captured.put_off} put off; "
            f"{captured.events} new events of them."
        )
        try:
            new = _publish_new(messages)
            self.stdout.write(f"Events published: {new} of the new ones, {relay_due(publish)} that were due.")
        except PublishFailed as error:
            raise CommandError(f"{error} The events stay in the log; run it again when the broker is back.") from error


def _publish_new(messages: Sequence[EventMessage]) -> int:
    """Batch by batch; how many the broker confirmed. Raises `PublishFailed`."""
    batch = channel_sync_settings().relay_batch
    published = 0
    for start in range(0, len(messages), batch):
        confirmed = publish(messages[start : start + batch])
        confirm_published(confirmed)
        published += len(confirmed)
    return published
