"""`manage.py channel_sync_resume`: send again, from a pause or after a lost login."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.errors import ChannelSyncError
from channel_sync.management.named_property import named_property
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.properties import resume


class Command(BaseCommand):
    """Exit code 0 when it sends again, 1 when it could not be resumed."""

    help = (
        "Send again: the bookings of the pause go out first, then the whole calendar, which opens what the pause has "
        "closed. A pause that waits for its rooms to be closed is given up."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which property, and the format."""
        parser.add_argument("property", type=UUID, help="Id in the PMS, or of the channel property.")
        parser.add_argument("--json", action="store_true", help="Print how it stands as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume it and say so."""
        channel_property = named_property(options["property"])
        try:
            resume(channel_property, by=COMMAND_LINE)
        except ChannelSyncError as error:
            raise CommandError(str(error)) from error
        told = {"channel_property": channel_property.id, "status": channel_property.status}
        words = f"{channel_property} sends again: bookings first, then the whole calendar."
        self.stdout.write(json.dumps(told, default=str) if options["json"] else words)
