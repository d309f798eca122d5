"""`manage.py channel_sync_resume`: send again, from a pause or after a lost login."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.errors import ChannelSyncError
from channel_sync.management.named_property import named_property
from channel_sync.models import OldBookings
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.parity import compare_now, parity_of
from channel_sync.operations.properties import resume
from channel_sync.reconciliation.runs import silent
from channel_sync.reconciliation.spare_calls import sleep


class Command(BaseCommand):
    """Exit code 0 when it sends again, 1 when it could not be resumed."""

    help = (
        "End a pause: both sides are compared, and once the report is clean or accepted, the bookings of the pause go "
        "out first, then the whole calendar, which opens what the pause has closed. A pause that waits for its rooms "
        "to be closed is given up."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which property, and the format."""
        parser.add_argument("property", type=UUID, help="Id in the PMS, or of the channel property.")
        parser.add_argument(
            "--go-live",
            choices=OldBookings.values,
            help="Compare now and go live whatever is found, with this for reservations that only the PMS has. Without "
            "it a worker compares, and somebody accepts the report if it is not clean ('channel_sync_parity').",
        )
        parser.add_argument("--json", action="store_true", help="Print how it stands as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume it and say so."""
        channel_property = named_property(options["property"])
        try:
            resume(channel_property, by=COMMAND_LINE)
            if options["go_live"]:
                compare_now(
                    channel_property,
                    by=COMMAND_LINE,
                    wait=sleep,
                    progress=silent,
                    accept_as=OldBookings(options["go_live"]),
                )
        except ChannelSyncError as error:
            raise CommandError(str(error)) from error
        is_open = parity_of(channel_property).is_open
        shown = {"channel_property": channel_property.id, "status": channel_property.status, "is_open": is_open}
        words = (
            f"{channel_property} sends again: bookings first, then the whole calendar."
            if is_open
            else f"{channel_property} is resumed; nothing is sent before both sides were compared. See "
            f"'manage.py channel_sync_parity {channel_property.id}'."
        )
        self.stdout.write(json.dumps(shown, default=str) if options["json"] else words)
