"""`manage.py channel_sync_status`: how the properties and the queues stand."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.broker.depths import QueueDepths, queue_depths
from channel_sync.models import ChannelProperty
from channel_sync.operations.pausing import Pause
from channel_sync.operations.status import PropertyStatus, Standing, channel_properties_of, property_status

NAMED_AT_MOST = 10


class Command(BaseCommand):
    """Exit code 0 when every property is connected, 1 when one is not or there is none."""

    help = "Show how each property stands, what to do about it, its failed events, open conflicts, mappings and queues."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which property, and the format."""
        parser.add_argument("property", nargs="?", type=UUID, help="Id in the PMS, or of the channel property.")
        parser.add_argument("--json", action="store_true", help="Print a JSON list.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one block per property."""
        found = ChannelProperty.objects.order_by("created_at", "id")
        if options["property"]:
            found = channel_properties_of(options["property"])
        states = [property_status(channel_property) for channel_property in found]
        queues = queue_depths()
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(state, queues) for state in states], default=str))
        else:
            for state in states:
                self._print(state, queues)
        if not states:
            raise CommandError("No such property is connected. Connect one with 'manage.py channel_sync_connect'.")
        down = [f"{state.channel_property} ({state.standing})" for state in states if not state.is_connected]
        if down:
            raise CommandError(f"Not all properties are in sync: {', '.join(down)}. What to do is said of each.")

    def _print(self, state: PropertyStatus, queues: QueueDepths) -> None:
        found = state.channel_property
        style = self.style.SUCCESS if state.standing is Standing.CONNECTED else self.style.ERROR
        rooms, rates = state.completeness.rooms, state.completeness.rates
        self.stdout.write(style(f"{found}: {state.standing}"))
        if state.standing.next_step:
            self.stdout.write(f"  {state.standing.next_step}")
        if state.pause is not None:
            self.stdout.write(self.style.ERROR(f"  {state.pause.title}. {state.pause.in_words}"))
        self.stdout.write(f"  last webhook        {found.last_webhook_at or 'never'}")
        self.stdout.write(f"  last outbound call  {found.last_outbound_success_at or 'never'}")
        self.stdout.write(f"  failed in 24 hours  {state.failed_events_24h}")
        self.stdout.write(f"  open conflicts      {state.open_conflicts}")
        waiting = state.not_in_pms
        self.stdout.write(f"  not in the PMS yet  {waiting.bookings} bookings, {waiting.failed} of them to be settled")
        for one in waiting.missing[:NAMED_AT_MOST]:
            self.stdout.write(f"    {one}. {one.next_step}")
        mapped = f"{rooms.mapped}/{rooms.total} room types, {rates.mapped}/{rates.total} rates"
        self.stdout.write(f"  mapped              {mapped}")
        if state.completeness.warning:
            self.stdout.write(self.style.WARNING(f"  {state.completeness.warning}"))
        self.stdout.write(
            f"  queues              inbound {_depth(queues.inbound)}, outbound {_depth(queues.outbound)}, "
            f"dead letters {_depth(queues.dead_letters)}"
        )


def _depth(messages: int | None) -> str:
    return "unknown" if messages is None else str(messages)


def _as_json(state: PropertyStatus, queues: QueueDepths) -> dict[str, Any]:
    found = state.channel_property
    return {
        "channel_property": found.id,
        "property": found.property_id,
        "channel": found.channel_name,
        "status": found.status,
        "standing": state.standing.value,
        "next_step": state.standing.next_step,
        "pause": _pause_as_json(state.pause),
        "connected": state.is_connected,
        "last_webhook_at": found.last_webhook_at,
        "last_outbound_success_at": found.last_outbound_success_at,
        "failed_events_24h": state.failed_events_24h,
        "open_conflicts": state.open_conflicts,
        "not_in_pms": {
            "bookings": state.not_in_pms.bookings,
            "failed": state.not_in_pms.failed,
            "events": [one.booking.event_id for one in state.not_in_pms.missing if one.booking.event_id],
        },
        "rooms": [state.completeness.rooms.mapped, state.completeness.rooms.total],
        "rates": [state.completeness.rates.mapped, state.completeness.rates.total],
        "queues": {"inbound": queues.inbound, "outbound": queues.outbound, "dlq": queues.dead_letters},
    }


def _pause_as_json(pause: Pause | None) -> dict[str, Any] | None:
    if pause is None:
        return None
    return {"has_begun": pause.has_begun, "since": pause.since, "by": pause.by, "rooms_closed": pause.rooms_closed}
