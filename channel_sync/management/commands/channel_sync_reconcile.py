"""`manage.py channel_sync_reconcile`: compare a property with its channel, now and in the foreground."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from channel_sync.errors import InvalidWindow, NotYet
from channel_sync.models import AuditAction, ChannelProperty, ReconciliationKind, ReconciliationRun
from channel_sync.operations.audit import COMMAND_LINE, note
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.tasks import RECONCILERS
from channel_sync.reconciliation.whole_calendar import of_whole_calendar
from channel_sync.reconciliation.windows import require_window

FIRST_SYNC = "first-sync"


class Command(BaseCommand):
    """Exit code 0 when it ran to the end, whatever it found; 1 when it could not."""

    help = (
        "Compare bookings, availability or rates of a property with its channel; fix what is safe, flag the rest. "
        "first-sync imports every booking of a new property and then sends the whole calendar. A run that was stopped "
        "goes on where it was when it is called again within half an hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The property, what to compare, and how."""
        parser.add_argument("channel_property", type=UUID, help="Id of the channel property.")
        parser.add_argument("kind", nargs="?", default="bookings", choices=[*ReconciliationKind.values, FIRST_SYNC])
        parser.add_argument("--start", type=date.fromisoformat, help="First day, such as 2027-01-31.")
        parser.add_argument("--end", type=date.fromisoformat, help="Last day; with --start.")
        parser.add_argument(
            "--whole-calendar",
            action="store_true",
            help="Everybody in house and everything to the end of the calendar, as once a day; without --start.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Count what would be fixed and flagged.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it and print the counts."""
        channel_property = ChannelProperty.objects.filter(id=options["channel_property"]).first()
        if channel_property is None:
            raise CommandError(f"There is no channel property {options['channel_property']}. See the admin for ids.")
        how = RunOptions(dry_run=options["dry_run"], window=_window(options), wait=self._wait, progress=self._progress)
        if options["whole_calendar"]:
            if how.window is not None or options["kind"] == FIRST_SYNC:
                raise CommandError("--whole-calendar is a window of its own: leave out --start, --end and first-sync.")
            how = of_whole_calendar(channel_property, ReconciliationKind(options["kind"]), how)
        note(
            COMMAND_LINE, AuditAction.RUN_STARTED, f"property:{channel_property.id}",
            channel_property_id=channel_property.id, kind=options["kind"], dry_run=how.dry_run,
        )  # fmt: skip
        try:
            run, sent = self._run(channel_property, options["kind"], how)
        except NotYet as error:
            raise CommandError(f"{error} Try again later.") from error
        finally:
            self.stderr.write("")
        counts = {
            "compared": run.compared,
            "fixed": run.fixed,
            "flagged": run.flagged,
            "events_recorded": sent,
            "note": run.note,
        }
        if options["json"]:
            self.stdout.write(json.dumps({"run": str(run.id), "dry_run": run.dry_run, "note": run.note, **counts}))
        else:
            would = "would be " if run.dry_run else ""
            self.stdout.write(
                f"{run.compared} compared, {run.fixed} {would}fixed, {run.flagged} {would}flagged"
                + (f", {sent} events recorded for the calendar" if sent else "")
                + "."
            )
            if run.note:
                self.stdout.write(self.style.WARNING(run.note))

    @staticmethod
    def _run(channel_property: ChannelProperty, kind: str, how: RunOptions) -> tuple[ReconciliationRun, int]:
        if kind == FIRST_SYNC:
            return first_sync(channel_property, how)
        return RECONCILERS[ReconciliationKind(kind)](channel_property, how), 0

    def _wait(self, delay: timedelta, reason: str) -> None:
        seconds = max(delay.total_seconds(), 0)
        self.stderr.write(f"\n{reason} Going on in {seconds:.0f} s; Ctrl-C stops, calling again goes on.")
        time.sleep(seconds)

    def _progress(self, phase: str, done: int) -> None:
        self.stderr.write(f"\r{done} {phase}", ending="")


def _window(options: dict[str, Any]) -> tuple[date, date] | None:
    start, end = options["start"], options["end"]
    if (start is None) != (end is None):
        raise CommandError("--start and --end go together.")
    if start is not None and end < start:
        raise CommandError("--end is before --start.")
    if start is not None:
        try:
            require_window(start, end, timezone.localdate())
        except InvalidWindow as error:
            raise CommandError(f"--{error.field}: {error}") from error
    return (start, end) if start is not None else None
