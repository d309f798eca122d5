"""`manage.py channel_sync_capture`: the triggers that capture writes of the host's rows."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Max, Min

from channel_sync.capture.installation import install_capture, remove_capture
from channel_sync.capture.rows import retry_left
from channel_sync.capture.states import TableState, capture_states, our_schema
from channel_sync.errors import CaptureNotInstalled
from channel_sync.models import CapturedChange

SOUND = (TableState.CURRENT, TableState.NO_TABLE)


class Command(BaseCommand):
    """Exit code 0 when it did what was asked; of `status` 1 when a trigger is not sound or a change was left."""

    help = (
        "Install or remove the triggers that capture writes, or show how they stand and which captured changes wait. "
        "'retry' makes changes due again that were left after their last attempt. 'migrate' installs by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do."""
        parser.add_argument("action", choices=["install", "remove", "status", "retry"])
        parser.add_argument("--yes", action="store_true", help="Remove without asking.")
        parser.add_argument("--json", action="store_true", help="Print the status as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was done, table by table."""
        try:
            if options["action"] == "install":
                self._print_tables("installed", install_capture())
            elif options["action"] == "remove":
                self._remove(is_sure=options["yes"])
            elif options["action"] == "retry":
                self.stdout.write(f"{retry_left()} captured changes are due again.")
            else:
                self._status(as_json=options["json"])
        except CaptureNotInstalled as error:
            raise CommandError(str(error)) from error

    def _remove(self, *, is_sure: bool) -> None:
        if not is_sure:
            question = "Writes that send no signal will not reach the channels any more. Remove the triggers? [y/N] "
            if input(question).strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was done.")
        self._print_tables("removed", remove_capture())

    def _status(self, *, as_json: bool) -> None:
        if our_schema() is None:
            raise CommandError("Table channel_changes does not exist. Run 'manage.py migrate channel_sync' first.")
        tables = {name: str(state) for name, state in capture_states().items()}
        changes = _waiting()
        if as_json:
            self.stdout.write(json.dumps({"tables": tables, "changes": changes}, default=str))
        else:
            for name, state in tables.items():
                style = self.style.SUCCESS if state in SOUND else self.style.ERROR
                self.stdout.write(f"{name:<32} {style(state)}")
            self.stdout.write(f"captured changes that wait: {changes['waiting']}, the oldest of {changes['oldest']}")
            for left in changes["left"]:
                self.stdout.write(
                    self.style.ERROR("left after {attempts} attempts: {rows} of {model}, {last_error}".format(**left))
                )
        if any(state not in SOUND for state in tables.values()):
            raise CommandError("Run 'manage.py channel_sync_capture install', or 'migrate'.")
        if changes["left"]:
            raise CommandError(
                "The channel does not know of the changes that were left. Correct the host's port or the rows, then "
                "run 'manage.py channel_sync_capture retry'."
            )

    def _print_tables(self, done: str, names: list[str]) -> None:
        self.stdout.write(f"{done}: {', '.join(names) or 'nothing, as it was so already'}")


def _waiting() -> dict[str, Any]:
    """How many captured changes wait and since when, and those that were left, by model and error; no content."""
    left = CapturedChange.objects.filter(attempts__gt=0, next_attempt_at=None)
    waiting = CapturedChange.objects.exclude(id__in=left.values("id")).aggregate(
        waiting=Count("id"), oldest=Min("captured_at")
    )
    grouped = left.values("model", "last_error").annotate(rows=Count("id"), attempts=Max("attempts"))
    return {**waiting, "left": list(grouped.order_by("model", "last_error"))}
