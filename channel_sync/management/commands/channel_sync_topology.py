"""`manage.py channel_sync_topology`: make the exchanges and queues."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.topology import declare
from channel_sync.errors import TopologyMismatch


class Command(BaseCommand):
    """Run it before anything publishes; running it again changes nothing."""

    help = "Declare the exchanges, queues and dead-letter queues of channel_sync at RabbitMQ. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Declare and list the queues; exit code 1 when the broker is away or a queue has other arguments."""
        try:
            with current_app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=3, interval_start=1, interval_step=1)
                names = declare(connection)
        except TopologyMismatch as error:
            raise CommandError(str(error)) from error
        except BROKER_ERRORS as error:
            raise CommandError(
                f"The broker at {current_app.connection_for_write().as_uri()} does not answer: {error}. "
                "Start it, or set RABBITMQ_URL."
            ) from error
        for name in names:
            self.stdout.write(f"queue {name}")
        self.stdout.write(self.style.SUCCESS("The topology stands."))
