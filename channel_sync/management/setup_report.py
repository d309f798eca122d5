"""How a property is set up at its channel, as commands print it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import NoReverseMatch, reverse

from channel_sync.operations.setup_report import SetupReport, WebhookStanding

WEBHOOK_STATES = {
    WebhookStanding.SET: "set at the channel, and read back",
    WebhookStanding.RIGHT: "is set right at the channel already",
    WebhookStanding.BY_HAND: "is not set at the channel yet",
    WebhookStanding.UNKNOWN: "how it is set at the channel is not known",
}


def webhook_path(channel_name: str) -> str:
    """Where the webhooks of a channel are taken. Raises `CommandError`."""
    try:
        return reverse("channel_sync_webhooks:webhook", kwargs={"channel_name": channel_name})
    except NoReverseMatch:
        raise CommandError(
            "The webhook has no address: add path('', include('channel_sync.inbound.urls')) to the URLs."
        ) from None


def write_setup(command: BaseCommand, setup: SetupReport) -> None:
    """Print it: what is left to do last."""
    command.stdout.write(f"  webhook         {WEBHOOK_STATES[setup.webhook]}")
    for sentence in setup.warnings:
        command.stdout.write(command.style.WARNING(f"  warning         {sentence}"))
    for sentence in setup.differences:
        command.stdout.write(command.style.WARNING(f"  differs         {sentence}"))
    for sentence in setup.left_to_do:
        command.stdout.write(f"  by hand         {sentence}")


def setup_as_json(setup: SetupReport) -> dict[str, Any]:
    """The same for programs."""
    return {
        "webhook": setup.webhook.value,
        "left_to_do": list(setup.left_to_do),
        "differences": list(setup.differences),
        "warnings": list(setup.warnings),
    }
