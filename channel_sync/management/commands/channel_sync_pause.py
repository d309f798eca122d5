"""`manage.py channel_sync_pause`: send nothing of a property, with its rooms closed at the channel or on sale."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.management.named_property import named_property
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.pausing import Pause, pause_of, pause_with_rooms_closed
from channel_sync.operations.pausing_means import pausing_means
from channel_sync.operations.properties import pause


class Command(BaseCommand):
    """Exit code 0 when it is paused, 1 when not: nobody confirmed it, or its rooms are not all closed yet."""

    help = (
        "Send nothing of a property until it is resumed; webhooks are still taken. Says what that means and asks, "
        "unless --yes. With --close-rooms every mapped room is closed at the channel first; the pause begins then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which property, and how."""
        parser.add_argument("property", type=UUID, help="Id in the PMS, or of the channel property.")
        parser.add_argument("--close-rooms", action="store_true", help="Close every mapped room at the channel first.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print how it stands as JSON; needs --yes.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, pause, print how it stands."""
        channel_property = named_property(options["property"])
        if not options["yes"]:
            if options["json"]:
                raise CommandError("--json asks nothing: add --yes when a person has decided. Nothing was done.")
            self._ask(pausing_means(channel_property, close_rooms=options["close_rooms"]))
        if options["close_rooms"]:
            pause_with_rooms_closed(channel_property, by=COMMAND_LINE)
        else:
            pause(channel_property, by=COMMAND_LINE)
        made = pause_of(channel_property)
        self.stdout.write(_as_json(made) if options["json"] else f"{channel_property}: {made.in_words if made else ''}")
        if made is None or not made.has_begun:
            raise CommandError("It is not paused yet. It begins by itself, or say 'channel_sync_resume' to give it up.")

    def _ask(self, sentences: Any) -> None:
        for sentence in sentences:
            self.stdout.write(sentence)
        try:
            answer = input("Pause it? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")


def _as_json(made: Pause | None) -> str:
    if made is None:
        return json.dumps(None)
    shown = {
        "channel_property": made.channel_property.id,
        "paused": made.has_begun,
        "since": made.since,
        "by": made.by,
        "rooms_closed": made.rooms_closed,
        "closing_event": made.closing.id if made.closing else None,
        "in_words": made.in_words,
    }
    return json.dumps(shown, default=str)
