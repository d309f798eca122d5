"""From a channel's name to its class, from a channel property to a client that can call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast
from uuid import UUID

from django.utils.module_loading import import_string

from channel_sync.channels.base import Channel, ChannelCredentials
from channel_sync.channels.canonical import ObservedCall
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.rate_limit import consume_token, note_credits, require_credits
from channel_sync.connections.tokens import DatabaseTokenStore
from channel_sync.correlation import correlation_id
from channel_sync.errors import ConfigurationError, NotConnected
from channel_sync.metrics import API_SECONDS
from channel_sync.models import ApiCall, ChannelConnection, ChannelProperty
from channel_sync.tracing import note_span

MILLISECONDS = 1000


def channel_class(name: str) -> type[Channel]:
    """The class of a channel. Raises `ConfigurationError` for a name that the settings do not list."""
    path = channel_sync_settings().channels.get(name)
    if path is None:
        raise ConfigurationError(f"Channel '{name}' is not listed in settings.CHANNEL_SYNC['channels'].")
    return cast(type[Channel], import_string(path))


def account_id_of(channel_property: ChannelProperty) -> UUID:
    """The account that a property is connected through. Raises `NotConnected`."""
    account_id: UUID | None = (
        ChannelConnection.objects.filter(channel_property=channel_property).values_list("account_id", flat=True).first()
    )
    if account_id is None:
        raise NotConnected(channel_property)
    return account_id


def channel_of_account(
    channel_name: str,
    account_id: UUID,
    channel_property_id: UUID | None = None,
    *,
    is_paced: bool = False,
    require_turn: Callable[[], None] = lambda: None,
    watch: Callable[[ObservedCall], None] = lambda call: None,
) -> Channel:
    """A client for an account; each call takes from its credits, and is noted in `channel_api_calls`.

    With a property, each call takes a token of its bucket too; the next push keeps its distance from paced ones.
    `require_turn` is asked before every call, and may forbid it; `watch` hears of every call.
    """
    return channel_class(channel_name)(
        ChannelCredentials(
            tokens=DatabaseTokenStore(account_id),
            before_call=partial(_require_budget, account_id, channel_property_id, is_paced, require_turn),
            on_call=partial(_note_call, channel_name, account_id, channel_property_id, watch),
            options=channel_sync_settings().channel_options.get(channel_name, {}),
        )
    )


def _require_budget(
    account_id: UUID, channel_property_id: UUID | None, is_paced: bool, require_turn: Callable[[], None]
) -> None:
    require_turn()
    require_credits(account_id)
    if channel_property_id is not None:
        consume_token(channel_property_id, is_paced=is_paced)


def _note_call(
    channel_name: str,
    account_id: UUID,
    channel_property_id: UUID | None,
    watch: Callable[[ObservedCall], None],
    call: ObservedCall,
) -> None:
    watch(call)
    labels = channel_name, call.method, call.path, str(call.status or 0)
    API_SECONDS.labels(*labels).observe(call.milliseconds / MILLISECONDS)
    attributes = {"channel": channel_name, "status": call.status or 0}
    correlation = correlation_id()
    note_span(f"{call.method} {call.path}", correlation, call.milliseconds, attributes)
    note_credits(account_id, channel_property_id, call)
    ApiCall.objects.create(
        account_id=account_id,
        method=call.method,
        path=call.path,
        status=call.status,
        milliseconds=call.milliseconds,
        credits_used=call.credits.cost,
        credits_remaining=call.credits.remaining,
        correlation_id=correlation,
    )
