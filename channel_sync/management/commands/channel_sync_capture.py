"""`manage.py channel_sync_capture`: the triggers that capture writes of the host's rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.capture.backlog import Backlog, backlog
from channel_sync.capture.installation import install_capture, remove_capture
from channel_sync.capture.rows import retry_left
from channel_sync.capture.states import TableState, capture_states, our_schema
from channel_sync.errors import CaptureNotInstalled

SOUND = (TableState.CURRENT, TableState.NO_TABLE)


class Command(BaseCommand):
    """Exit code 0 when it did what was asked; of `status` 1 when a trigger is not sound or changes are left."""

    help = (
        "Install or remove the triggers that capture writes, or show how they stand and which captured changes wait. "
        "'retry' makes changes due again that were left after their last attempt. 'migrate' installs by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do."""
        parser.add_argument("action", choices=["install", "remove", "status", "retry"])
        parser.add_argument("--yes", action="store_true", help="Remove without asking.")
        parser.add_argument("--json", action="store_true", help="Print the status, or the number retried, as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was done, table by table."""
        try:
            if options["action"] == "install":
                self._print_tables("installed", install_capture())
            elif options["action"] == "remove":
                self._remove(is_sure=options["yes"])
            elif options["action"] == "retry":
                self._retry(as_json=options["json"])
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

    def _retry(self, *, as_json: bool) -> None:
        retried = retry_left()
        self.stdout.write(json.dumps({"retried": retried}) if as_json else f"{retried} captured changes are due again.")

    def _status(self, *, as_json: bool) -> None:
        if our_schema() is None:
            raise CommandError("Table channel_changes does not exist. Run 'manage.py migrate channel_sync' first.")
        tables = {name: str(state) for name, state in capture_states().items()}
        found = backlog()
        waiting, left = _waiting(found), _left(found)
        if as_json:
            oldest = min((one["oldest"] for one in waiting), default=None)
            total = sum(one["rows"] for one in waiting)
            changes = {"waiting": total, "oldest": oldest, "waiting_by_model": waiting, "left": left}
            self.stdout.write(json.dumps({"tables": tables, "changes": changes}, default=str))
        else:
            for name, state in tables.items():
                style = self.style.SUCCESS if state in SOUND else self.style.ERROR
                self.stdout.write(f"{name:<32} {style(state)}")
            self._print_changes(waiting, left)
        wrong = []
        if any(state not in SOUND for state in tables.values()):
            wrong.append("Run 'manage.py channel_sync_capture install', or 'migrate'.")
        if left:
            wrong.append(
                f"{sum(one['rows'] for one in left)} captured changes are not tried again. Correct the rows or the "
                "host's port, then run 'manage.py channel_sync_capture retry'."
            )
        if wrong:
            raise CommandError(" ".join(wrong))

    def _print_changes(self, waiting: list[dict[str, Any]], left: list[dict[str, Any]]) -> None:
        if not waiting:
            self.stdout.write("no captured change waits")
        for one in waiting:
            self.stdout.write("captured changes that wait: {rows} of {model}, the oldest of {oldest}".format(**one))
        for one in left:
            self.stdout.write(
                self.style.ERROR("left after {attempts} attempts: {rows} of {model}, {last_error}".format(**one))
            )

    def _print_tables(self, done: str, names: list[str]) -> None:
        self.stdout.write(f"{done}: {', '.join(names) or 'nothing, as it was so already'}")


def _waiting(found: Sequence[Backlog]) -> list[dict[str, Any]]:
    """How many captured changes of each model wait, and since when."""
    by_model: dict[str, dict[str, Any]] = {}
    for one in found:
        if one.waiting:
            of_model = by_model.setdefault(one.model, {"model": one.model, "rows": 0, "oldest": one.oldest})
            of_model["rows"] += one.waiting
            of_model["oldest"] = min(of_model["oldest"], one.oldest)
    return [by_model[model] for model in sorted(by_model)]


def _left(found: Sequence[Backlog]) -> list[dict[str, Any]]:
    """How many are not tried again, by model and error."""
    left = sorted((one for one in found if one.left), key=lambda one: (one.model, one.error))
    return [{"model": one.model, "last_error": one.error, "rows": one.left, "attempts": one.attempts} for one in left]
