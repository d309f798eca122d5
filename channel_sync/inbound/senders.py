"""Who may send webhooks: looked up once in some seconds and process, not for every webhook."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from channel_sync.connections.rotation import old_secret_is_over
from channel_sync.errors import BadSignature, SecretUnreadable, UnknownProperty
from channel_sync.inbound.rotation import end_rotation
from channel_sync.inbound.verification import verify, verify_nobody
from channel_sync.models import ChannelConnection, ChannelProperty

KEPT_SECONDS = 5.0
KEPT_AT_MOST = 10_000


@dataclass(frozen=True)
class Senders:
    """The properties of a webhook, by their ids at the channel, for which it is genuine.

    `refused` are our properties that it names and is not genuine for. `unreadable` is what keeps anybody from saying
    whether it is genuine for another one.
    """

    verified: Mapping[str, ChannelProperty]
    refused: Sequence[UUID] = ()
    unreadable: SecretUnreadable | None = None


@dataclass(frozen=True)
class _Known:
    connection: ChannelConnection
    until: float


_known: dict[tuple[str, str], _Known] = {}


def verified_senders(
    channel_name: str, external_property_ids: Collection[str], headers: Mapping[str, str], body: bytes
) -> Senders:
    """The properties that a webhook is of and is genuine for: one of another secret costs its neighbours nothing.

    A secret that was taken back is still taken for `KEPT_SECONDS`; a new one at once. When it is genuine for none,
    raises `SecretUnreadable` where a secret cannot be decrypted, else `BadSignature`, or `UnknownProperty` when none is
    connected.
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
    connections, unreadable = _look_up(channel_name, [one for one in external_property_ids if one not in found])
    refused: dict[UUID, BadSignature] = {}
    for connection in connections:
        try:
            verify(connection, headers, body)
        except BadSignature as error:
            refused[connection.channel_property_id] = error
            continue
        end_rotation(connection, headers, body)
        channel_property = connection.channel_property
        if len(_known) >= KEPT_AT_MOST:
            _known.clear()
        key = channel_name, channel_property.channel_property_id
        _known[key] = _Known(connection, time.monotonic() + KEPT_SECONDS)
        found[channel_property.channel_property_id] = channel_property
    if not found:
        if unreadable is not None:
            raise unreadable
        if refused:
            raise BadSignature(str(next(iter(refused.values()))), property_ids=list(refused))
        verify_nobody(headers, body)
        raise UnknownProperty("No property that the webhook names is connected.")
    return Senders(found, list(refused), unreadable)


def forget_senders() -> None:
    """Look everybody up again."""
    _known.clear()


def _look_up(
    channel_name: str, external_property_ids: Collection[str]
) -> tuple[list[ChannelConnection], SecretUnreadable | None]:
    """The properties have to be known before the signature can be checked: each has a secret of its own.

    One statement, however many ids somebody sends whom nobody has verified; one for each connected property only where
    a secret cannot be read. A paused property, or one in error, still takes webhooks: what an OTA has sold is a fact.
    """
    if not external_property_ids:
        return [], None
    of_channel = ChannelConnection.objects.filter(
        channel_property__channel_name=channel_name, channel_property__channel_property_id__in=external_property_ids
    )
    with_secrets = of_channel.defer(None).select_related("channel_property").annotate(is_over=old_secret_is_over())
    unreadable: SecretUnreadable | None = None
    try:
        return list(map(_without_old_secret, with_secrets)), None
    except SecretUnreadable as error:
        unreadable = error
    found: list[ChannelConnection] = []
    for connection_id in of_channel.values_list("pk", flat=True):
        with suppress(SecretUnreadable):
            found += map(_without_old_secret, with_secrets.filter(pk=connection_id))
    return found, unreadable


def _without_old_secret(connection: Any) -> ChannelConnection:
    """Nobody has brought the new one in all the time that the old one was taken: it is not taken any more."""
    if connection.is_over:
        connection.webhook_secret_previous = None
    return cast(ChannelConnection, connection)
