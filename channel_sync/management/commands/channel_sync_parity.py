"""`manage.py channel_sync_parity`: compare both sides before a property goes live, and accept the report."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.errors import ChannelSyncError
from channel_sync.management.parity_report import parity_as_json, parity_sentences
from channel_sync.models import ChannelProperty, OldBookings
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.parity import compare_now, parity_of

WAITS_FOR_A_PERSON = 2


class Command(BaseCommand):
    """Exit code 0 when the property is open afterwards, 2 when its report waits for a person, 1 when it failed."""

    help = (
        "Compare the bookings, units, prices, currency and time zone of both sides, and print what each would change. "
        "Nothing is sent of a new, resumed or newly mapped property before its report is clean or accepted: "
        "--go-live accepts it and says what becomes of reservations that only the PMS has."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The property, and whether to go live."""
        parser.add_argument("channel_property", type=UUID, help="Id of the channel property.")
        parser.add_argument(
            "--go-live",
            choices=OldBookings.values,
            help="; ".join(f"{value}: {label[0].lower()}{label[1:]}" for value, label in OldBookings.choices) + ".",
        )
        parser.add_argument("--look", action="store_true", help="Print the last report; compare nothing.")
        parser.add_argument("--json", action="store_true", help="Print the whole report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, print, and go live where wanted."""
        channel_property = ChannelProperty.objects.filter(id=options["channel_property"]).first()
        if channel_property is None:
            raise CommandError(f"There is no channel property {options['channel_property']}. See the admin for ids.")
        if options["look"]:
            parity = parity_of(channel_property)
        else:
            accept_as = OldBookings(options["go_live"]) if options["go_live"] else None
            try:
                parity = compare_now(
                    channel_property, by=COMMAND_LINE, wait=self._wait, progress=self._progress, accept_as=accept_as
                )
            except ChannelSyncError as error:
                raise CommandError(f"{error} Call it again to go on.") from error
            finally:
                self.stderr.write("")
        self.stdout.write(
            json.dumps(parity_as_json(parity)) if options["json"] else "\n".join(parity_sentences(parity))
        )
        if not parity.is_open:
            raise SystemExit(WAITS_FOR_A_PERSON)

    def _wait(self, delay: timedelta, reason: str) -> None:
        seconds = max(delay.total_seconds(), 0)
        self.stderr.write(f"\n{reason} Going on in {seconds:.0f} s; Ctrl-C stops, calling again starts over.")
        time.sleep(seconds)

    def _progress(self, phase: str, done: int) -> None:
        self.stderr.write(f"\r{done} {phase}", ending="")
