"""How a connected property is set up at its channel: its webhook set where wanted, and what is left for people to do.

A webhook cannot be tried: no call makes a channel deliver one without a booking. What was set is read back, and the
time of the last webhook says the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.channels.setup import PropertySetup, WebhookTarget
from channel_sync.errors import ChannelSyncError, NotYet, RateLimited
from channel_sync.models import ChannelProperty
from channel_sync.parity.setup import of_property, of_quantities
from channel_sync.pms import host_pms

NO_ADDRESS = "The address of the webhook is not known here. Include 'channel_sync.inbound.urls' in the URLs."
NEVER_TRIED = (
    "Make a booking at the channel, or wait for one: the time of the last webhook then shows that they arrive."
)


class WebhookStanding(StrEnum):
    """Whether webhooks are set up at the channel."""

    SET = "set"
    RIGHT = "right"
    BY_HAND = "by_hand"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SetupReport:
    """What was found; each sentence is for people."""

    webhook: WebhookStanding
    left_to_do: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def look_at_setup(
    channel: Channel,
    channel_property: ChannelProperty,
    target: WebhookTarget | None,
    *,
    set_webhook: bool,
    mapped: Mapping[str, UUID] | None = None,
    rooms: Sequence[ChannelRoom] = (),
) -> SetupReport:
    """Look at the property, and set its webhook first where wanted; raises nothing that the channel does.

    Without a target webhooks are not looked at but for data of cards: they come by a gateway that signs them. `mapped`
    is channel room -> room type.
    """
    number = channel_property.channel_property_id
    warnings = list(_doubts_about(target.url)) if target else []
    try:
        if set_webhook and target:
            channel.set_webhook(number, target)
        setup = channel.setup_of(number)
    except (NotYet, RateLimited) as error:
        return _not_seen(f"The channel cannot be asked how it is set up: {error}", warnings)
    except ChannelSyncError as error:
        verb = "set" if set_webhook else "looked at"
        return _not_seen(f"The webhook could not be {verb}: {error}", warnings)
    if setup is None:
        return _not_seen(f"The account does not have property {number} any more.", warnings)
    left = setup.webhook.shortcomings(target) if target else []
    if target and (others := setup.webhook.others(target)):
        warnings.append(f"Webhooks go to other addresses too, with the same headers: {', '.join(others)}.")
    if setup.webhook.card_data:
        warnings.append(
            f"The channel sends data of cards ({setup.webhook.card_data}) with each webhook. Set it to none there: "
            "nothing here needs it, and whoever receives it is bound by the rules for cards."
        )
    return SetupReport(
        webhook=_standing(target, left, set_webhook=set_webhook),
        left_to_do=(*left, *_to_check(channel_property, setup), NEVER_TRIED),
        differences=(*of_property(channel_property, setup), *of_quantities(channel_property, mapped or {}, rooms)),
        warnings=tuple(warnings),
    )


def _not_seen(problem: str, warnings: Sequence[str]) -> SetupReport:
    advice = "Enter the webhook at the channel by hand, or try it again on the page of the property."
    return SetupReport(WebhookStanding.UNKNOWN, left_to_do=(problem, advice), warnings=tuple(warnings))


def _standing(target: WebhookTarget | None, left: Sequence[str], *, set_webhook: bool) -> WebhookStanding:
    if target is None or left:
        return WebhookStanding.BY_HAND
    return WebhookStanding.SET if set_webhook else WebhookStanding.RIGHT


def _to_check(channel_property: ChannelProperty, setup: PropertySetup) -> Iterator[str]:
    if not setup.time_zone:
        ours = host_pms().property_facts(channel_property.property_id).time_zone
        yield f"The channel does not say the time zone of the property. Check there that it is {ours}."


def _doubts_about(url: str) -> Iterator[str]:
    """What keeps a webhook from arriving at an address, as far as the address shows it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _is_public(host):
        yield f"No channel on the internet reaches {host or url}: name the public address of the PMS."
    elif parts.scheme != "https":
        yield f"{url} is not encrypted: the secret and the data of guests can be read on the way. Use https."


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal"))
