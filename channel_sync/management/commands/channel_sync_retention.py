"""`manage.py channel_sync_retention`: redact and delete by the times of the settings, now."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from channel_sync.database_clock import database_now
from channel_sync.retention.run import Retained, preview, run_retention


class Command(BaseCommand):
    """What beat starts once a day."""

    help = "Take personal data out of old events and delete what is older still; the settings say how old."

    def add_arguments(self, parser: CommandParser) -> None:
        """Count only, or as JSON."""
        parser.add_argument("--dry-run", action="store_true", help="Count what would be redacted and deleted.")
        parser.add_argument("--json", action="store_true", help="Print the counts as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and print the counts."""
        now = database_now()
        before = preview(now=now)
        if options["dry_run"]:
            done = before
        else:
            total = sum(asdict(before).values())
            with tqdm(total=total, unit="row", disable=options["json"] or None) as bar:
                done = run_retention(now=now, progress=bar.update)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], **asdict(done)}))
        else:
            self.stdout.write(_told(done, dry_run=options["dry_run"]))


def _told(done: Retained, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    return (
        f"{done.events_redacted} events and {done.conflicts_redacted} conflicts {would}redacted; {done.events_deleted} "
        f"events, {done.api_calls_deleted} notes of API calls, {done.alerts_deleted} alerts, "
        f"{done.notifications_deleted} notifications, {done.deliveries_deleted} notes of webhook deliveries, "
        f"{done.answers_deleted} stored answers and {done.rejections_deleted} counts of refused webhooks "
        f"{would}deleted."
    )
