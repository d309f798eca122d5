"""`manage.py channel_sync_guest`: find, export and erase what is kept of one guest."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from channel_sync.errors import GuestNotNamed
from channel_sync.management.named_property import named_property
from channel_sync.models import ChannelProperty
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.guest_data_erasure import Erased, erase_guest, erasing_means
from channel_sync.operations.guest_data_export import export_guest
from channel_sync.operations.guest_data_names import described
from channel_sync.operations.guest_data_places import rows_about
from channel_sync.operations.guest_data_search import GuestBooking, GuestSearch, find_bookings

FIND, EXPORT, ERASE = "find", "export", "erase"


class Command(BaseCommand):
    """Exit code 0 when it did what was asked; 1 when nothing was found, it was refused, or a booking is left."""

    help = (
        "Find what channel_sync keeps of one guest; export it as JSON; erase it. An erasure says what it would do and "
        "asks first. The PMS, the channel and the OTA keep data of their own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, and who the guest is."""
        parser.add_argument("action", choices=[FIND, EXPORT, ERASE])
        parser.add_argument("--booking", action="append", default=[], metavar="NUMBER", help="At the channel or OTA.")
        parser.add_argument("--reservation", action="append", default=[], type=UUID, metavar="ID", help="Of the PMS.")
        parser.add_argument("--email", default="", help="Whatever its case.")
        parser.add_argument("--last-name", default="", help="With --arrival.")
        parser.add_argument("--arrival", type=date.fromisoformat, help="The day: 2027-01-31.")
        parser.add_argument("--property", type=UUID, help="Of the PMS, or at a channel; all of them if left out.")
        parser.add_argument("--output", type=Path, help="export: the file to write, new and readable by you alone.")
        parser.add_argument("--yes", action="store_true", help="erase: do not ask.")
        parser.add_argument("--json", action="store_true", help="erase: print the outcome as JSON; needs --yes.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, then act."""
        if options["json"] and not options["yes"]:
            raise CommandError("--json cannot ask: add --yes.")
        bookings = self._found(options)
        if not bookings:
            raise CommandError("Nothing is kept of this guest.")
        if options["action"] == FIND:
            self._show(bookings)
        elif options["action"] == EXPORT:
            self._export(bookings, options["output"])
        else:
            self._erase(bookings, is_confirmed=options["yes"], as_json=options["json"])

    def _found(self, options: dict[str, Any]) -> list[GuestBooking]:
        among = [named_property(options["property"])] if options["property"] else ChannelProperty.objects.all()
        try:
            search = GuestSearch(
                options["booking"], options["reservation"], options["email"], options["last_name"], options["arrival"]
            )
        except GuestNotNamed as error:
            raise CommandError(str(error)) from error
        return find_bookings(search, among)

    def _show(self, bookings: list[GuestBooking]) -> None:
        for one in bookings:
            who = described(one)
            self.stdout.write(f"{one}, {who.arrival} to {who.departure}: {', '.join((*who.guests, *who.emails))}")
            for table, rows in rows_about(one).items():
                if count := rows.count():
                    self.stdout.write(f"  {table}: {count}")

    def _export(self, bookings: list[GuestBooking], output: Path | None) -> None:
        document = json.dumps(export_guest(bookings, by=COMMAND_LINE), indent=2, ensure_ascii=False)
        if output is None:
            self.stdout.write(document)
            return
        try:
            output.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            raise CommandError(f"{output} is there already. Name a new file.") from None
        output.write_text(document, encoding="utf-8")
        self.stdout.write(f"{len(bookings)} bookings exported to {output}.")

    def _erase(self, bookings: list[GuestBooking], *, is_confirmed: bool, as_json: bool) -> None:
        if not is_confirmed:
            for sentence in (*map(str, bookings), *erasing_means(bookings)):
                self.stdout.write(sentence)
            if input("Erase? [y/N] ").strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was done.")
        with tqdm(unit="event", disable=None) as progress:
            outcome = erase_guest(bookings, by=COMMAND_LINE, progress=progress.update)
        if as_json:
            self.stdout.write(json.dumps([_plain(one) for one in outcome]))
        for one in () if as_json else outcome:
            changed = f"erased, {one.total} rows changed." if not one.refused else " ".join(one.refused)
            self.stdout.write(f"{one.booking}: {changed}")
        left = sum(bool(one.refused) for one in outcome)
        if left:
            raise CommandError(f"{left} of {len(outcome)} bookings are left as they are.")


def _plain(one: Erased) -> dict[str, Any]:
    return {
        "channel_property_id": str(one.booking.channel_property.id),
        "booking": one.booking.external_id or None,
        "reservation_id": str(one.booking.reservation_id) if one.booking.reservation_id else None,
        "rows": dict(one.rows),
        "refused": list(one.refused),
    }
