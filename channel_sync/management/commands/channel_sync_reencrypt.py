"""`manage.py channel_sync_reencrypt`: encrypt tokens and webhook secrets with the present keys."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.reencryption import Reencrypted, how_many, look_at_keys, reencrypt

OLD, UNREADABLE = 2, 1


class Command(BaseCommand):
    """Exit code 0 when no older key is needed any more, 2 while one is, 1 when something can be decrypted by none."""

    help = (
        "Encrypt stored tokens and webhook secrets with the first SECRET_KEY and the first SALT_KEY, while everything "
        "runs. Every process has to know these keys before. Older keys may be taken away once --check counts 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether only to count."""
        parser.add_argument("--check", action="store_true", help="Count what is under an older key, and write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work row by row; one that was stopped is started once more."""
        try:
            with tqdm(total=how_many(), unit="value", disable=options["json"] or None) as bar:
                done = look_at_keys(bar.update) if options["check"] else reencrypt(by=COMMAND_LINE, progress=bar.update)
        except ImproperlyConfigured as error:
            raise CommandError(f"{error} Nothing was done.") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self._tell(done)
        if done.unreadable or done.old:
            sys.exit(UNREADABLE if done.unreadable else OLD)

    def _tell(self, done: Reencrypted) -> None:
        self.stdout.write(f"{done.values} values, {done.reencrypted} encrypted with the present keys now.")
        for where in done.unreadable:
            self.stdout.write(self.style.ERROR(f"{where} can be decrypted by none of the keys."))
        if done.old:
            self.stdout.write(self.style.WARNING(f"{done.old} are under an older key: keep it, and run this again."))
        elif done.unreadable:
            self.stdout.write("Add the key that they are under, or connect these properties again.")
        else:
            self.stdout.write(self.style.SUCCESS("0 are under an older key: those can be taken out of the settings."))
