"""Who may send webhooks: looked up once in some seconds and process, not for every webhook."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

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


def verified_senders(
    channel_name: str, external_property_ids: Collection[str], headers: Mapping[str, str], body: bytes
) -> dict[str, ChannelProperty]:
    """The properties that a webhook is of, once its signature is good for each; without those that nobody connected.

    A secret that was taken back is still taken for `KEPT_SECONDS`; a new one at once. Raises `UnknownProperty` when
    none is connected, `BadSignature`, and `SecretUnreadable` when a property's secret cannot be decrypted.
    """
    found: dict[str, ChannelProperty] = {}
    for property_id in external_property_ids:
        known = _known.get((channel_name, property_id))
        if known is not None and known.until > time.monotonic():
            try:
                verify(known.connection, headers, body)
            except BadSignature:
                # Its secret may be new.
                continue
            found[property_id] = known.connection.channel_property
    for connection in _look_up(channel_name, [one for one in external_property_ids if one not in found]):
        verify(connection, headers, body)
        channel_property = connection.channel_property
        if len(_known) >= KEPT_AT_MOST:
            _known.clear()
        key = channel_name, channel_property.channel_property_id
        _known[key] = _Known(connection, time.monotonic() + KEPT_SECONDS)
        found[channel_property.channel_property_id] = channel_property
    if not found:
        raise UnknownProperty(
            f"Property '{next(iter(external_property_ids))}' is not connected. "
            "Connect it with 'manage.py channel_sync_connect'."
        )
    return found


def forget_senders() -> None:
    """Look everybody up again."""
    _known.clear()


def _look_up(channel_name: str, external_property_ids: Collection[str]) -> list[ChannelConnection]:
    """The properties have to be known before the signature can be checked: each has a secret of its own.

    One statement, however many ids somebody sends whom nobody has verified. A paused property, or one in error, still
    takes webhooks: what an OTA has sold is a fact.
    """
    if not external_property_ids:
        return []
    return list(
        ChannelConnection.objects.defer(None)
        .select_related("channel_property")
        .filter(
            channel_property__channel_name=channel_name,
            channel_property__channel_property_id__in=external_property_ids,
        )
    )
