"""`manage.py channel_sync_webhook`: look at the webhook of a property, set it at the channel, rotate its secret."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import ChannelSyncError
from channel_sync.management.setup_report import webhook_path, write_setup
from channel_sync.models import ChannelProperty, WebhookVerification
from channel_sync.operations.audit import COMMAND_LINE
from channel_sync.operations.webhooks import Rotated, check_webhook, rotate_secret, set_webhook


class Command(BaseCommand):
    """Prints a secret only when it has made it."""

    help = (
        "Look how the webhook of a property is set at its channel; set it there, or give it a new secret. The old "
        "secret is taken until a webhook has brought the new one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The property, and what to do with its webhook."""
        parser.add_argument("channel_property", type=UUID, help="Id of the channel property, as connecting printed it.")
        parser.add_argument("--base-url", default="http://localhost:8000", help="Public address of this PMS.")
        parser.add_argument("--set", action="store_true", help="Set it at the channel; what is set for others stays.")
        parser.add_argument("--rotate", action="store_true", help="Make a new secret; with --set it is set there too.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 1 with the reason when the channel or the state of the property says no."""
        found = ChannelProperty.objects.filter(id=options["channel_property"]).first()
        if found is None:
            raise CommandError(f"There is no channel property {options['channel_property']}. See the admin for its id.")
        url = options["base_url"].rstrip("/") + webhook_path(found.channel_name)
        try:
            if options["rotate"]:
                self._tell(rotate_secret(found, url, by=COMMAND_LINE, at_channel=options["set"]))
            elif options["set"]:
                write_setup(self, set_webhook(found, url, by=COMMAND_LINE))
            else:
                write_setup(self, check_webhook(found, url))
        except ChannelSyncError as error:
            raise CommandError(str(error)) from error

    def _tell(self, rotated: Rotated) -> None:
        if rotated.verification is WebhookVerification.HEADER:
            self.stdout.write(f"  custom header   {channel_sync_settings().webhook_secret_header}: {rotated.secret}")
        else:
            self.stdout.write(f"  signing secret  {rotated.secret}")
        self.stdout.write("  The old secret is taken until a webhook has brought this one.")
        write_setup(self, rotated.setup)
