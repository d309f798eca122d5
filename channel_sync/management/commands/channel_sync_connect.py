"""`manage.py channel_sync_connect`: connect a property to a channel with an invite code."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.channels.canonical import ChannelRoom
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.rate_suggestions import SuggestedRate
from channel_sync.errors import ChannelSyncError
from channel_sync.management.setup_report import setup_as_json, webhook_path, write_setup
from channel_sync.models import OldBookings, ParityStatus, WebhookVerification
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.parity import compare_now, parity_of
from channel_sync.operations.properties import ConnectOutcome, NewConnection, connect
from channel_sync.reconciliation.runs import silent
from channel_sync.reconciliation.spare_calls import sleep


class Command(BaseCommand):
    """Prints what has to be entered at the channel; the secret is shown only here."""

    help = (
        "Exchange an invite code for tokens, store them encrypted, look at the property, set its webhook where wanted, "
        "list the channel's rooms, suggest mappings by name, and print what is left to do by hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The property, the code, and what to do with the suggestions."""
        parser.add_argument("property", type=UUID, help=f"Id of the property ({settings.CHANNEL_SYNC_PROPERTY_MODEL}).")
        parser.add_argument("--invite-code", required=True, help="From the channel's account settings; works once.")
        parser.add_argument("--channel", default="beds24", help="Default: beds24.")
        parser.add_argument("--channel-property-id", help="Needed when the account has several properties.")
        parser.add_argument(
            "--verification",
            choices=WebhookVerification.values,
            help="How webhooks prove their origin: a secret in a header, or an HMAC signature. "
            "Default: as before; a header when it is new.",
        )
        parser.add_argument(
            "--new-webhook-secret",
            action="store_true",
            help="Make a new one when connecting again; the old one is still taken beside it.",
        )
        parser.add_argument("--base-url", default="http://localhost:8000", help="Public address of this PMS.")
        parser.add_argument(
            "--set-webhook",
            action="store_true",
            help="Set the webhook at the channel: address, version, secret, and no data of cards. What is set for "
            "others stays.",
        )
        parser.add_argument(
            "--accept-suggestions",
            action="store_true",
            help="Save the suggested mappings of room types and rate plans.",
        )
        parser.add_argument(
            "--first-sync", action="store_true", help="Let the reconciliation worker import its bookings, then send."
        )
        parser.add_argument(
            "--go-live",
            choices=OldBookings.values,
            help="Compare both sides now and go live whatever they say, with this for reservations that only the PMS "
            "has. Without it somebody accepts the report, in the admin or with 'channel_sync_parity'.",
        )
        parser.add_argument(
            "--after-move",
            choices=[one.value for one in AfterMove],
            help="Where the property is connected to another one of the channel now: keep its mappings and links, "
            "which hold for the new one then, or retire them.",
        )
        parser.add_argument(
            "--close-old-rooms", action="store_true", help="Close the rooms first at the property that it leaves."
        )
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="Where another property of the PMS is connected to it: end that connection.",
        )
        parser.add_argument(
            "--keys-are-lost",
            action="store_true",
            help="It is no mistake that SECRET_KEY and SALT_KEY decrypt nothing that is stored: replace it.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Connect; exit code 1 with the reason when the channel or the settings say no."""
        go_live = OldBookings(options["go_live"]) if options["go_live"] else None
        # Before the invite code is spent.
        url = options["base_url"].rstrip("/") + webhook_path(options["channel"])
        try:
            outcome = connect(
                NewConnection(
                    property_id=options["property"],
                    channel_name=options["channel"],
                    invite_code=options["invite_code"],
                    channel_property_id=options["channel_property_id"],
                    verification=WebhookVerification(options["verification"]) if options["verification"] else None,
                    new_webhook_secret=options["new_webhook_secret"],
                    accept_suggestions=options["accept_suggestions"],
                    first_sync=options["first_sync"],
                    go_live=go_live,
                    webhook_url=url,
                    set_webhook=options["set_webhook"],
                    after_move=AfterMove(options["after_move"]) if options["after_move"] else None,
                    close_old_rooms=options["close_old_rooms"],
                    take_over=options["take_over"],
                    keys_are_lost=options["keys_are_lost"],
                ),
                by=COMMAND_LINE,
            )
            if go_live is not None:
                compare_now(
                    outcome.connected.channel_property, by=COMMAND_LINE, wait=sleep, progress=silent, accept_as=go_live
                )
        except ChannelSyncError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(self._as_json(outcome, url)))
        else:
            self._tell(outcome, url)

    def _tell(self, outcome: ConnectOutcome, url: str) -> None:
        connected, saved = outcome.connected, outcome.mappings_saved
        header = channel_sync_settings().webhook_secret_header
        self.stdout.write(self.style.SUCCESS(f"Connected {connected.channel_property}."))
        self.stdout.write(f"  webhook URL     {url}")
        if connected.verification is WebhookVerification.HEADER:
            self.stdout.write(f"  custom header   {header}: {connected.webhook_secret}")
        else:
            self.stdout.write(f"  signing secret  {connected.webhook_secret}")
        write_setup(self, outcome.setup)
        for suggestion in connected.suggestions.matches:
            self.stdout.write(f"  suggestion      {suggestion.room_type_name} <-> room {suggestion.external_room_id}")
        for rate in connected.suggestions.rates:
            self.stdout.write(f"  suggestion      {_of_rate(rate)}")
        for room in connected.suggestions.unmatched:
            self.stdout.write(self.style.WARNING(f"  no match        room {_told(room)}: map it by hand"))
        if saved:
            self.stdout.write(f"  mappings saved  {saved}")
        elif connected.suggestions.matches or connected.suggestions.rates:
            self.stdout.write("  Save them with --accept-suggestions, or later on the mappings page of the admin.")
        self._tell_of_opening(outcome)

    def _tell_of_opening(self, outcome: ConnectOutcome) -> None:
        connected = outcome.connected
        parity = parity_of(connected.channel_property)
        if not parity.is_open:
            queued = "queued" if outcome.first_sync_queued else "due"
            self.stdout.write(f"  not live yet    both sides are compared first; that is {queued}")
            self.stdout.write(f"  next            manage.py channel_sync_parity {connected.channel_property.id}")
        elif parity.check is not None and parity.check.status == ParityStatus.DONE:
            self.stdout.write("  live            both sides were compared, its bookings are in, its calendar goes out")
        elif outcome.first_sync_queued:
            self.stdout.write("  queued          the first synchronisation; its runs are in the admin")
        else:
            if outcome.not_queued:
                self.stdout.write(self.style.WARNING(f"  {outcome.not_queued}"))
            self.stdout.write(
                f"  next            manage.py channel_sync_reconcile {connected.channel_property.id} first-sync"
            )

    @staticmethod
    def _as_json(outcome: ConnectOutcome, url: str) -> dict[str, Any]:
        connected = outcome.connected
        return {
            "channel_property": str(connected.channel_property.id),
            "channel_property_id": connected.channel_property.channel_property_id,
            "webhook_url": url,
            "webhook_verification": connected.verification.value,
            "webhook_header": channel_sync_settings().webhook_secret_header,
            "webhook_secret": connected.webhook_secret,
            "setup": setup_as_json(outcome.setup),
            "mappings_saved": outcome.mappings_saved,
            "first_sync_queued": outcome.first_sync_queued,
            "is_open": parity_of(connected.channel_property).is_open,
            "suggestions": [
                {"room_type": str(suggestion.room_type_id), "room": suggestion.external_room_id}
                for suggestion in connected.suggestions.matches
            ],
            "rate_suggestions": [
                {
                    "rate_plan": str(rate.rate_plan_id),
                    "name": rate.name,
                    "rate": rate.external_rate_id,
                    "night": str(rate.night) if rate.night is not None else None,
                    "price": _amount(rate.price),
                    "channel_price": _amount(rate.channel_price),
                }
                for rate in connected.suggestions.rates
            ],
            "unmatched_rooms": [_told(room) for room in connected.suggestions.unmatched],
        }


def _told(room: ChannelRoom) -> str:
    return f"{room.external_id} ({room.name})"


def _of_rate(rate: SuggestedRate) -> str:
    prices = f"{rate.price} on {rate.night}, {_amount(rate.channel_price) or 'no price'} at the channel"
    return f"{rate.name} <-> rate {rate.external_rate_id}: {prices if rate.night else 'no price in the PMS yet'}"


def _amount(price: Decimal | None) -> str | None:
    return str(price) if price is not None else None
