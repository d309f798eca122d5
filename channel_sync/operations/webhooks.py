"""The webhook of a property: look at it, set it at the channel, give it a new secret."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models.functions import Now

from channel_sync.channels.setup import WebhookTarget
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling
from channel_sync.connections.connect import WEBHOOK_SECRET_BYTES, Connected
from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.connections.registry import account_id_of, channel_of_account
from channel_sync.connections.rotation import is_taken_too
from channel_sync.errors import ChannelSyncError, NotConnected, RotationUnderWay
from channel_sync.models import AuditAction, ChannelConnection, ChannelProperty, WebhookVerification
from channel_sync.operations.audit import note
from channel_sync.operations.setup_report import NO_ADDRESS, SetupReport, WebhookStanding, look_at_setup


@dataclass(frozen=True)
class Rotated:
    """A new webhook secret, shown only here, and how the channel is set up with it."""

    secret: str = field(repr=False)
    verification: WebhookVerification
    setup: SetupReport


def look_at_new(connected: Connected, url: str, *, set_webhook: bool) -> SetupReport:
    """How a property that was connected a moment ago is set up; its webhook is set first where wanted."""
    channel_property = connected.channel_property
    mapped = {one.external_room_id: one.room_type_id for one in connected.suggestions.matches}
    mapped |= {room: room_type_id for room_type_id, room in every_channel_room(channel_property).items()}
    target = _target(connected.verification, connected.webhook_secret, url)
    channel = channel_of_account(channel_property.channel_name, account_id_of(channel_property))
    report = look_at_setup(
        channel,
        channel_property,
        target,
        set_webhook=set_webhook,
        mapped=mapped,
        rooms=connected.rooms,
    )
    return _with_advice(report, connected.verification, url, connected.limits)


def set_webhook(channel_property: ChannelProperty, url: str, *, by: str) -> SetupReport:
    """Set the webhook at the channel with the present secret, and read it back. Raises what calls raise."""
    connection = _connection(channel_property)
    report = _look(channel_property, connection, url, is_to_be_set=True)
    _note(channel_property, AuditAction.WEBHOOK_SET, by, standing=report.webhook.value)
    return report


def check_webhook(channel_property: ChannelProperty, url: str) -> SetupReport:
    """How the webhook is set at the channel. Raises what calls raise."""
    return _look(channel_property, _connection(channel_property), url, is_to_be_set=False)


def rotate_secret(channel_property: ChannelProperty, url: str, *, by: str, at_channel: bool) -> Rotated:
    """Make a new webhook secret; the old one is taken until a webhook has brought the new one, but not for ever.

    `at_channel` sets it there too. What cannot be set is left to a person, who sees the secret only now. Raises
    `NotConnected`, `RotationUnderWay`, and `SecretUnreadable` for a secret that cannot go on being taken.
    """
    with transaction.atomic():
        connection = _connection(channel_property, locked=True)
        if is_rotating(channel_property):
            raise RotationUnderWay(channel_property)
        secret = secrets.token_urlsafe(WEBHOOK_SECRET_BYTES)
        ChannelConnection.objects.filter(pk=connection.pk).update(
            webhook_secret=secret,
            webhook_secret_previous=connection.webhook_secret,
            webhook_secret_rotated_at=Now(),
            updated_at=Now(),
        )
        _note(channel_property, AuditAction.WEBHOOK_ROTATED, by)
    try:
        setup = _look(channel_property, _connection(channel_property), url, is_to_be_set=at_channel)
    except ChannelSyncError as error:
        setup = SetupReport(WebhookStanding.UNKNOWN, left_to_do=(f"The channel could not be asked: {error}",))
    return Rotated(secret, WebhookVerification(connection.webhook_verification), setup)


def is_rotating(channel_property: ChannelProperty) -> bool:
    """Whether an old secret is still taken beside the present one."""
    return ChannelConnection.objects.filter(is_taken_too(), channel_property=channel_property).exists()


def _look(
    channel_property: ChannelProperty, connection: ChannelConnection, url: str, *, is_to_be_set: bool
) -> SetupReport:
    verification = WebhookVerification(connection.webhook_verification)
    target = _target(verification, connection.webhook_secret, url)
    mapped = {room: room_type_id for room_type_id, room in every_channel_room(channel_property).items()}
    with calling(channel_property, is_urgent=True) as channel:
        report = look_at_setup(channel, channel_property, target, set_webhook=is_to_be_set, mapped=mapped)
    return _with_advice(report, verification, url, ())


def _connection(channel_property: ChannelProperty, *, locked: bool = False) -> ChannelConnection:
    found = ChannelConnection.objects.defer(None).filter(channel_property=channel_property)
    connection = (found.select_for_update() if locked else found).first()
    if connection is None:
        raise NotConnected(channel_property)
    return connection


def _target(verification: WebhookVerification, secret: str, url: str) -> WebhookTarget | None:
    """None where a gateway signs: it stands between, and its address is not known here."""
    if verification is WebhookVerification.HMAC or not url:
        return None
    return WebhookTarget(url, channel_sync_settings().webhook_secret_header, secret)


def _with_advice(
    report: SetupReport, verification: WebhookVerification, url: str, limits: Sequence[str]
) -> SetupReport:
    left = list(report.left_to_do)
    if verification is WebhookVerification.HMAC:
        left.insert(0, f"Webhooks are signed: have your gateway sign them with the secret and deliver them to {url}.")
    elif not url:
        left.insert(0, NO_ADDRESS)
    return SetupReport(report.webhook, tuple(left), report.differences, (*limits, *report.warnings))


def _note(channel_property: ChannelProperty, action: AuditAction, by: str, **details: object) -> None:
    note(by, action, f"property:{channel_property.id}", channel_property_id=channel_property.id, **details)
