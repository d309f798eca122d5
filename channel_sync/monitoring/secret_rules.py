"""Stored tokens and webhook secrets that cannot be decrypted, and processes whose keys are wrong."""

from __future__ import annotations

from collections.abc import Iterator

from channel_sync.connections.secrets import unreadable_secret
from channel_sync.models import AlertKind, ChannelConnection
from channel_sync.monitoring.finding import AT_MOST, Finding
from channel_sync.monitoring.health import Health


def secret_findings(health: Health) -> Iterator[Finding]:
    """By property what this process cannot read, and by name the processes that can read nothing."""
    for name in health.life.wrong_keys if health.life is not None else ():
        yield Finding(
            AlertKind.SECRET_UNREADABLE,
            f"{name} runs with another SECRET_KEY or SALT_KEY than what is stored was encrypted with: what it takes up "
            "waits for another worker. Start it again with the keys of the others; nothing is lost.",
            subject=name,
        )
    yield from _properties()


def _properties() -> Iterator[Finding]:
    """One statement while all of them can be read; only then, and for so many properties, one for each."""
    connections = ChannelConnection.objects.order_by("channel_property_id")
    if unreadable_secret(connections) is None:
        return
    found = 0
    for connection in connections.select_related("channel_property").iterator():
        error = unreadable_secret(connections.filter(pk=connection.pk))
        if error is not None and found < AT_MOST:
            found += 1
            yield Finding(
                AlertKind.SECRET_UNREADABLE,
                f"{connection.channel_property}: {error} Until then what needs it waits.",
                subject=str(connection.channel_property_id),
                channel_property=connection.channel_property,
            )
