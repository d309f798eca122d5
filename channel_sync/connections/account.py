"""One call at a time per account (docs/beds24.md: calls of one account should not run in parallel)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db.models.functions import Now

from channel_sync.channels.base import Channel
from channel_sync.connections.breaker import CallsMade, note_answered, note_unavailable, require_available
from channel_sync.connections.rate_limit import require_pace
from channel_sync.connections.registry import account_id_of, channel_of_account
from channel_sync.database_lock import session_lock
from channel_sync.errors import ChannelUnavailable, LoginRefused, NotYet, WaitsFor
from channel_sync.models import ChannelConnection, ChannelProperty, ChannelPropertyStatus

logger = logging.getLogger(__name__)

ACCOUNT_WAIT = timedelta(seconds=30)
LOGIN_RETRY = timedelta(minutes=5)
# Resuming wakes what waits.
PAUSED_RETRY = timedelta(hours=1)


@contextmanager
def calling(
    channel_property: ChannelProperty, *, is_urgent: bool = False, though_paused: bool = False
) -> Iterator[Channel]:
    """A client for the property, while no other worker calls for its account.

    What is not urgent keeps the pace that the property's credits allow, and sets it for the next push. Raises `NotYet`
    when it has to wait for that, when the account stays in use, the property is paused, the channel does not answer,
    or the login has to be renewed; `NotConnected` without a connection. `ChannelUnavailable` is raised by the first
    call that gets no answer; what fails after it, and before the channel answers again, is `NotYet` too.

    The pause is looked up once more when the turn has come: it may have begun while this waited for it. Only what
    belongs to the pause itself is sent `though_paused`.
    """
    _require_sending(channel_property, channel_property.status, though_paused=though_paused)
    account_id = account_id_of(channel_property)
    if not is_urgent:
        require_pace(channel_property.id)
    with session_lock("channel account", account_id, wait=ACCOUNT_WAIT) as require_held:
        _require_sending(channel_property, _status_now(channel_property), though_paused=though_paused)
        client = partial(
            channel_of_account,
            channel_property.channel_name,
            account_id,
            channel_property.id,
            require_turn=require_held,
        )
        made, open_since = CallsMade(channel_property.channel_property_id), None
        try:
            open_since = require_available(account_id, client().ping)
            yield client(is_paced=not is_urgent, watch=made.note)
        except ChannelUnavailable as error:
            made.fail()
            delay = note_unavailable(account_id, made.last)
            if open_since is None:
                raise
            raise NotYet(
                f"The channel fails since {open_since:%H:%M:%S %Z}: {error}",
                retry_after=delay,
                waits_for=WaitsFor.CHANNEL,
            ) from error
        except LoginRefused as error:
            _hold_properties(account_id)
            raise NotYet(str(error), retry_after=LOGIN_RETRY, waits_for=WaitsFor.LOGIN) from error
        finally:
            if open_since is not None:
                note_answered(account_id, made.answered())


@contextmanager
def nobody_calls(channel_property: ChannelProperty) -> Iterator[None]:
    """Keep every worker from calling for the account of a property. Raises `NotYet` when one goes on for long."""
    connection = ChannelConnection.objects.filter(channel_property=channel_property).first()
    if connection is None:
        yield
        return
    with session_lock("channel account", connection.account_id, wait=ACCOUNT_WAIT):
        yield


def _require_sending(channel_property: ChannelProperty, status: str | None, *, though_paused: bool) -> None:
    if status == ChannelPropertyStatus.INACTIVE:
        if though_paused:
            return
        raise NotYet(
            f"{channel_property} is paused: this goes out when it is resumed.",
            retry_after=PAUSED_RETRY,
            waits_for=WaitsFor.PAUSE,
        )
    if status != ChannelPropertyStatus.ACTIVE:
        raise NotYet(f"{channel_property} is {status}.", retry_after=LOGIN_RETRY, waits_for=WaitsFor.LOGIN)


def _status_now(channel_property: ChannelProperty) -> str | None:
    return ChannelProperty.objects.values_list("status", flat=True).get(id=channel_property.id)


def note_success(channel_property: ChannelProperty) -> None:
    """Keep the time of the last call that went well."""
    ChannelProperty.objects.filter(id=channel_property.id).update(last_outbound_success_at=Now())


def _hold_properties(account_id: UUID) -> None:
    """The login is gone for all properties of the account: their events wait until somebody connects again."""
    logger.error("account %s: the channel refuses its login; connect its properties again", account_id)
    ChannelProperty.objects.filter(connection__account_id=account_id, status=ChannelPropertyStatus.ACTIVE).update(
        status=ChannelPropertyStatus.ERROR, updated_at=Now()
    )
