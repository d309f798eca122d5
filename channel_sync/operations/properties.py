"""Connect a property, try its connection, pause and resume it, start its reconciliations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from channel_sync.broker.topology import topology
from channel_sync.channels.canonical import ChannelRoom
from channel_sync.connections.account import calling
from channel_sync.connections.connect import Connected, accept_suggestions, connect_property
from channel_sync.errors import NothingQueued, PropertyGone
from channel_sync.models import (
    AuditAction,
    ChannelAccount,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationKind,
    WebhookVerification,
)
from channel_sync.operations.audit import note
from channel_sync.reconciliation.schedules import RECONCILE_TASK, schedule_reconciliation


@dataclass(frozen=True)
class NewConnection:
    """What a person says to connect a property."""

    property_id: UUID
    channel_name: str
    invite_code: str
    channel_property_id: str | None = None
    verification: WebhookVerification = WebhookVerification.HEADER
    accept_suggestions: bool = False


@dataclass(frozen=True)
class ConnectionTried:
    """The channel has answered: in how many milliseconds, with which rooms, and what credits are left."""

    milliseconds: int
    rooms: Sequence[ChannelRoom]
    credits_remaining: Decimal | None


def connect(new: NewConnection, *, by: str) -> tuple[Connected, int]:
    """Connect, schedule its reconciliations, save suggested mappings where wanted; how many were saved.

    Raises as `connect_property` does.
    """
    connected = connect_property(
        new.property_id,
        channel_name=new.channel_name,
        invite_code=new.invite_code,
        channel_property_id=new.channel_property_id,
        verification=new.verification,
    )
    saved = accept_suggestions(connected) if new.accept_suggestions else 0
    schedule_reconciliation(connected.channel_property)
    _note(connected.channel_property, AuditAction.PROPERTY_CONNECTED, by, mappings_saved=saved)
    return connected, saved


def try_connection(channel_property: ChannelProperty, *, by: str) -> ConnectionTried:
    """Ask the channel for the rooms of the property. Raises what calls raise when it does not answer."""
    begun = time.monotonic()
    with calling(channel_property, is_urgent=True) as channel:
        found = {details.external_id: details for details in channel.properties()}
    milliseconds = int((time.monotonic() - begun) * 1000)
    details = found.get(channel_property.channel_property_id)
    if details is None:
        raise PropertyGone(channel_property)
    _note(channel_property, AuditAction.CONNECTION_TESTED, by, milliseconds=milliseconds)
    left = ChannelAccount.objects.filter(connections__channel_property=channel_property)
    return ConnectionTried(milliseconds, details.rooms, left.values_list("credits_remaining", flat=True).first())


def pause(channel_property: ChannelProperty, *, by: str) -> None:
    """Send nothing until it is resumed; webhooks are still taken, what an OTA has sold is a fact."""
    _set_status(channel_property, ChannelPropertyStatus.INACTIVE, AuditAction.PROPERTY_PAUSED, by)


def resume(channel_property: ChannelProperty, *, by: str) -> None:
    """Send again, from a pause or after a lost login that works once more."""
    _set_status(channel_property, ChannelPropertyStatus.ACTIVE, AuditAction.PROPERTY_RESUMED, by)


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
    with transaction.atomic():
        _note(channel_property, AuditAction.RUN_STARTED, by, kind=kind.value, dry_run=dry_run, window=days)
        try:
            current_app.send_task(
                RECONCILE_TASK,
                args=[str(channel_property.id), kind.value],
                kwargs={"dry_run": dry_run, "window": days},
                queue=topology().reconciliation.name,
                ignore_result=True,
                retry=False,
            )
        except (OSError, OperationalError) as error:
            raise NothingQueued(error) from error


@transaction.atomic
def _set_status(channel_property: ChannelProperty, status: ChannelPropertyStatus, action: AuditAction, by: str) -> None:
    was = channel_property.status
    channel_property.status = status
    channel_property.save(update_fields=["status", "updated_at"])
    _note(channel_property, action, by, was=was)


def _note(channel_property: ChannelProperty, action: AuditAction, by: str, **details: object) -> None:
    note(by, action, f"property:{channel_property.id}", channel_property_id=channel_property.id, **details)
