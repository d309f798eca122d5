"""Who may send webhooks: looked up once in some seconds and process, not for every webhook."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models.functions import Now

from channel_sync.errors import BadSignature, UnknownProperty
from channel_sync.inbound.verification import verify
from channel_sync.models import ChannelConnection, ChannelProperty

KEPT_SECONDS = 5.0
KEPT_AT_MOST = 10_000


@dataclass(frozen=True)
class _Known:
    connection: ChannelConnection
    until: float


_known: dict[tuple[str, str], _Known] = {}


def verified_sender(
    channel_name: str, external_property_id: str, headers: Mapping[str, str], body: bytes
) -> ChannelProperty:
    """The property that a webhook is of, once its signature is good.

    A secret that was taken back is still taken for `KEPT_SECONDS`; a new one at once. When the property was heard is
    kept with the same precision. Raises `UnknownProperty`,
    `BadSignature`, and `SecretUnreadable` when the property's secret cannot be decrypted.
    """
    key = channel_name, external_property_id
    known = _known.get(key)
    if known is not None and known.until > time.monotonic():
        try:
            verify(known.connection, headers, body)
        except BadSignature:
            # Its secret may be new.
            pass
        else:
            return known.connection.channel_property
    connection = _look_up(channel_name, external_property_id)
    verify(connection, headers, body)
    if len(_known) >= KEPT_AT_MOST:
        _known.clear()
    _known[key] = _Known(connection, time.monotonic() + KEPT_SECONDS)
    _note_heard(connection.channel_property)
    return connection.channel_property


def forget_senders() -> None:
    """Look everybody up again."""
    _known.clear()


def _note_heard(channel_property: ChannelProperty) -> None:
    """Keep the time of the last webhook, not for each one: they would wait for each other's row lock."""
    ChannelProperty.objects.filter(id=channel_property.id).update(last_webhook_at=Now())


def _look_up(channel_name: str, external_property_id: str) -> ChannelConnection:
    """The property has to be known before the signature can be checked: each has a secret of its own.

    A paused property, or one in error, still takes webhooks: what an OTA has sold is a fact.
    """
    found = (
        ChannelConnection.objects.defer(None)
        .select_related("channel_property")
        .filter(
            channel_property__channel_name=channel_name,
            channel_property__channel_property_id=external_property_id,
        )
        .first()
    )
    if found is None:
        raise UnknownProperty(
            f"Property '{external_property_id}' is not connected. Connect it with 'manage.py channel_sync_connect'."
        )
    return found
