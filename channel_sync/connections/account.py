"""One call at a time per account (API facts, "Credits": calls of one account should not run in parallel)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from channel_sync.channels.base import Channel
from channel_sync.connections.registry import account_id_of, channel_of_account
from channel_sync.database_lock import session_lock
from channel_sync.errors import NotYet
from channel_sync.models import ChannelProperty, ChannelPropertyStatus

ACCOUNT_WAIT = timedelta(seconds=30)
PAUSED_RETRY = timedelta(minutes=5)


@contextmanager
def calling(channel_property: ChannelProperty) -> Iterator[Channel]:
    """A client for the property, while no other worker calls for its account.

    Raises `NotYet` when the account stays in use or the property is paused, `NotConnected` without a connection.
    """
    if channel_property.status != ChannelPropertyStatus.ACTIVE:
        raise NotYet(f"{channel_property} is {channel_property.status}.", retry_after=PAUSED_RETRY)
    account_id = account_id_of(channel_property)
    with session_lock("channel account", account_id, wait=ACCOUNT_WAIT):
        yield channel_of_account(channel_property.channel_name, account_id)


def note_success(channel_property: ChannelProperty) -> None:
    """Keep the time of the last call that went well."""
    ChannelProperty.objects.filter(id=channel_property.id).update(last_outbound_success_at=timezone.now())
