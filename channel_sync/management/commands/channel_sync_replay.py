"""`manage.py channel_sync_replay`: work events once more, or take them out of the way."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tqdm import tqdm

from channel_sync.events.selection import IGNORABLE_STATUSES, REPLAYABLE_STATUSES, EventSelection
from channel_sync.models import Direction, EventStatus, EventType
from channel_sync.moments import in_utc
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.event_actions import batches, ignore_events, replay_events


class Command(BaseCommand):
    """Exit code 0 when it did what was asked, or nothing was selected; 1 when it was refused or stopped."""

    help = (
        "Work events once more: the failed ones, or those of other statuses, types, times or ids. Says how "
        "many there are and asks before it begins. What is older than what was applied since, or has nothing left to "
        "send, ends ignored. With --ignore failed and waiting events are settled without their effect."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which events, and what to do with them."""
        parser.add_argument("ids", nargs="*", type=UUID, help="Ids of events; all that the options select if none.")
        parser.add_argument("--status", action="append", choices=EventStatus.values, help="Default: failed.")
        parser.add_argument("--type", default="", choices=["", *EventType.values], metavar="TYPE", help="Event type.")
        parser.add_argument("--direction", default="", choices=["", *Direction.values], metavar="DIRECTION")
        parser.add_argument("--property", type=UUID, help="Id of the channel property.")
        parser.add_argument("--from", dest="start", type=_moment, help="Received then or later: 2027-01-31T12:00Z.")
        parser.add_argument("--to", dest="end", type=_moment, help="Received before then.")
        parser.add_argument("--ignore", metavar="REASON", help="Settle them as ignored, with this reason.")
        parser.add_argument("--dry-run", action="store_true", help="Count, and do nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON; needs --yes or --dry-run.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, ask, do it in batches."""
        reason: str | None = options["ignore"]
        if reason is not None and not reason.strip():
            raise CommandError("--ignore needs a reason, which is kept with each event: --ignore 'a test booking'.")
        selection = EventSelection(
            ids=options["ids"],
            statuses=[EventStatus(name) for name in options["status"] or ()] or self._usual(options),
            event_type=options["type"],
            direction=options["direction"],
            channel_property_ids=[options["property"]] if options["property"] else [],
            received_from=options["start"],
            received_to=options["end"],
        )
        selected = list(selection.events().values_list("id", flat=True))
        if options["json"] and not (options["yes"] or options["dry_run"]):
            raise CommandError("--json cannot ask: add --yes, or --dry-run.")
        verb = "replayed" if reason is None else "ignored"
        done = 0
        if selected and not options["dry_run"]:
            if not options["yes"] and not self._confirmed(len(selected), verb):
                raise CommandError("Nothing was done.")
            done = self._work(selected, reason)
        if options["json"]:
            self.stdout.write(json.dumps({"selected": len(selected), verb: done, "dry_run": options["dry_run"]}))
        elif options["dry_run"] or not selected:
            self.stdout.write(f"{len(selected)} events would be {verb}.")
        else:
            self.stdout.write(f"{done} of {len(selected)} events {verb}.")

    @staticmethod
    def _usual(options: dict[str, Any]) -> list[EventStatus]:
        """Named ids may have any status that can be acted on; otherwise the failed ones are meant."""
        if not options["ids"]:
            return [EventStatus.FAILED]
        return list(IGNORABLE_STATUSES if options["ignore"] else REPLAYABLE_STATUSES)

    def _confirmed(self, number: int, verb: str) -> bool:
        return input(f"{number} events will be {verb}. Go on? [y/N] ").strip().lower() in ("y", "yes")

    def _work(self, selected: list[UUID], reason: str | None) -> int:
        done = 0
        progress = tqdm(total=len(selected), unit="event", disable=None)
        for batch in batches(selected):
            if reason is not None:
                done += ignore_events(batch, by=COMMAND_LINE, reason=reason).changed
            else:
                outcome = replay_events(batch, by=COMMAND_LINE)
                done += outcome.changed
                for event_id, error in outcome.refused.items():
                    self.stderr.write(f"Event {event_id} stays failed. {error}")
            progress.update(len(batch))
        progress.close()
        return done


def _moment(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return in_utc(found if timezone.is_aware(found) else timezone.make_aware(found))
