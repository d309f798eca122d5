"""`manage.py channel_sync_full_sync`: send availability and rates of all nights of a property."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.models import ChannelProperty
from channel_sync.outbound.full_sync import request_full_sync


class Command(BaseCommand):
    """For a property that goes live, once its bookings are known on both sides."""

    help = "Send availability, rates and restrictions of every mapped room type and rate plan over the whole calendar."

    def add_arguments(self, parser: CommandParser) -> None:
        """The property at the channel."""
        parser.add_argument("channel_property", type=UUID, help="Id of the channel property.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Record the events; exit code 1 when there is nothing to send."""
        channel_property = ChannelProperty.objects.filter(id=options["channel_property"]).first()
        if channel_property is None:
            raise CommandError(f"There is no channel property {options['channel_property']}. See the admin for ids.")
        recorded = request_full_sync(channel_property)
        if not recorded:
            raise CommandError(f"{channel_property} has no active mapping. Map its room types and rate plans first.")
        self.stdout.write(f"{recorded} events recorded; the outbound worker sends them.")
