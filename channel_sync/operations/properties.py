"""Connect a property, try its connection, pause and resume it, start its reconciliations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from celery import current_app
from django.db import transaction

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.topology import topology
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.connections.connect import Connected, connect_property
from channel_sync.connections.rate_suggestions import save_rates
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.errors import NothingQueued
from channel_sync.events.store import wake
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelAccount,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationKind,
    WebhookVerification,
)
from channel_sync.operations.audit import note
from channel_sync.operations.connect_checks import require_ready
from channel_sync.operations.setup_report import SetupReport
from channel_sync.operations.suggestions import rooms_at_channel
from channel_sync.operations.webhooks import look_at_new
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.schedules import FIRST_SYNC_TASK, RECONCILE_TASK, schedule_reconciliation
from channel_sync.reconciliation.unfinished import first_sync_is_settled, want_first_sync


@dataclass(frozen=True)
class NewConnection:
    """What a person says to connect a property; without a verification the present one stays.

    `set_webhook` is the consent to set the webhook at the channel, to `webhook_url`.
    """

    property_id: UUID
    channel_name: str
    invite_code: str = field(repr=False)
    channel_property_id: str | None = None
    verification: WebhookVerification | None = None
    accept_suggestions: bool = False
    first_sync: bool = False
    new_webhook_secret: bool = False
    webhook_url: str = ""
    set_webhook: bool = False


@dataclass(frozen=True)
class ConnectOutcome:
    """What connecting has done; `not_queued` says why a wanted first synchronisation was not started."""

    connected: Connected
    mappings_saved: int
    setup: SetupReport
    first_sync_queued: bool = False
    not_queued: str = ""


@dataclass(frozen=True)
class ConnectionTried:
    """The channel has answered: in how many milliseconds, with which rooms, and what credits are left."""

    milliseconds: int
    rooms: Sequence[ChannelRoom]
    credits_remaining: Decimal | None


def connect(new: NewConnection, *, by: str) -> ConnectOutcome:
    """Connect, set the webhook, schedule its reconciliations; save mappings and start the first synchronisation.

    Each where it is wanted, and in this order. What can be found wrong without the channel is found before the invite
    code is spent. Raises as `connect_property` does.
    """
    require_ready(new.property_id, new.channel_name, new.channel_property_id)
    connected = connect_property(
        new.property_id,
        channel_name=new.channel_name,
        invite_code=new.invite_code,
        channel_property_id=new.channel_property_id,
        verification=new.verification,
        new_webhook_secret=new.new_webhook_secret,
    )
    channel_property = connected.channel_property
    saved = save_suggestions(channel_property, connected.suggestions.matches) if new.accept_suggestions else 0
    saved += save_rates(channel_property, connected.suggestions.rates) if new.accept_suggestions else 0
    schedule_reconciliation(channel_property)
    _note(channel_property, AuditAction.PROPERTY_CONNECTED, by, mappings_saved=saved)
    outcome = ConnectOutcome(connected, saved, look_at_new(connected, new.webhook_url, set_webhook=new.set_webhook))
    if not new.first_sync:
        return outcome
    try:
        start_first_sync(channel_property, by=by)
    except NothingQueued as error:
        # The connection stands and its secret is shown only now; the synchronisation can be started later.
        return replace(outcome, not_queued=str(error))
    return replace(outcome, first_sync_queued=True)


def try_connection(channel_property: ChannelProperty, *, by: str) -> ConnectionTried:
    """Ask the channel for the rooms of the property. Raises what calls raise when it does not answer."""
    begun = time.monotonic()
    rooms = rooms_at_channel(channel_property)
    milliseconds = int((time.monotonic() - begun) * 1000)
    _note(channel_property, AuditAction.CONNECTION_TESTED, by, milliseconds=milliseconds)
    left = ChannelAccount.objects.filter(connections__channel_property=channel_property)
    return ConnectionTried(milliseconds, rooms, left.values_list("credits_remaining", flat=True).first())


def pause(channel_property: ChannelProperty, *, by: str) -> None:
    """Send nothing until it is resumed; webhooks are still taken, what an OTA has sold is a fact."""
    _set_status(channel_property, ChannelPropertyStatus.INACTIVE, AuditAction.PROPERTY_PAUSED, by)


@transaction.atomic
def resume(channel_property: ChannelProperty, *, by: str) -> None:
    """Send again, from a pause or after a lost login that works once more.

    Everything is sent, bookings first: the reservations that were made, changed and cancelled meanwhile go out, then
    the whole calendar, which waits for them and for what the channel has sold. Resuming what is active sends nothing.
    """
    was = ChannelProperty.objects.select_for_update().values_list("status", flat=True).get(id=channel_property.id)
    _set_status(channel_property, ChannelPropertyStatus.ACTIVE, AuditAction.PROPERTY_RESUMED, by)
    if was != ChannelPropertyStatus.ACTIVE:
        wake(channel_property.id)
        request_full_sync(channel_property)


def start_reconciliation(
    channel_property: ChannelProperty,
    kind: ReconciliationKind,
    *,
    by: str,
    dry_run: bool = False,
    window: tuple[date, date] | None = None,
) -> None:
    """Let the reconciliation worker run it next. Raises `NothingQueued` when the broker does not take it."""
    days = [str(day) for day in window] if window else None
    _queue(
        channel_property,
        RECONCILE_TASK,
        [kind.value],
        {"dry_run": dry_run, "window": days},
        by=by,
        details={"kind": kind.value, "dry_run": dry_run, "window": days},
    )


def start_first_sync(channel_property: ChannelProperty, *, by: str) -> None:
    """Let the reconciliation worker import every booking, then send the whole calendar. Raises `NothingQueued`."""
    want_first_sync(channel_property)
    try:
        _queue(channel_property, FIRST_SYNC_TASK, [], {}, by=by, details={"kind": "first synchronisation"})
    except NothingQueued:
        first_sync_is_settled(channel_property)
        raise


def _queue(
    channel_property: ChannelProperty,
    task: str,
    arguments: list[str],
    options: dict[str, object],
    *,
    by: str,
    details: dict[str, object],
) -> None:
    """Note it, then hand it over; the broker is called outside of a transaction."""
    entry = _note(channel_property, AuditAction.RUN_STARTED, by, **details)
    try:
        current_app.send_task(
            task,
            args=[str(channel_property.id), *arguments],
            kwargs=options,
            queue=topology().reconciliation.name,
            ignore_result=True,
            retry=False,
        )
    except BROKER_ERRORS as error:
        entry.delete()
        raise NothingQueued(error) from error


@transaction.atomic
def _set_status(channel_property: ChannelProperty, status: ChannelPropertyStatus, action: AuditAction, by: str) -> None:
    was = channel_property.status
    channel_property.status = status
    channel_property.save(update_fields=["status", "updated_at"])
    _note(channel_property, action, by, was=was)


def _note(channel_property: ChannelProperty, action: AuditAction, by: str, **details: object) -> AuditEntry:
    return note(by, action, f"property:{channel_property.id}", channel_property_id=channel_property.id, **details)
