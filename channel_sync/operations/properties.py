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
from channel_sync.connections.one_at_a_time import connecting
from channel_sync.connections.opening import hold_property
from channel_sync.connections.pausing import note_paused, note_resumed
from channel_sync.connections.rate_suggestions import save_rates
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.errors import NothingQueued
from channel_sync.events.store import wake
from channel_sync.models import (
    AuditAction,
    ChannelAccount,
    ChannelProperty,
    ChannelPropertyStatus,
    OldBookings,
    ParityReason,
    ReconciliationKind,
    ReconciliationRun,
    WebhookVerification,
)
from channel_sync.operations.connect_checks import require_ready
from channel_sync.operations.moving import (
    AfterMove,
    Displaced,
    MayDisplace,
    close_rooms,
    displaced_by,
    end_connection,
    lock_places,
    note_moved,
    require_decided,
    undisturbed,
)
from channel_sync.operations.parity import compare_again, start_soon
from channel_sync.operations.pausing import (
    STATE,
    forget_failed_closing,
    give_up_closing,
    lock_status,
    note_action,
)
from channel_sync.operations.setup_report import SetupReport
from channel_sync.operations.suggestions import rooms_at_channel
from channel_sync.operations.webhooks import look_at_new
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.pms import host_pms
from channel_sync.reconciliation.runs import queue_run
from channel_sync.reconciliation.schedules import FIRST_SYNC_TASK, RECONCILE_TASK, schedule_reconciliation
from channel_sync.reconciliation.unfinished import first_sync_is_settled, want_first_sync
from channel_sync.reconciliation.usual_windows import usual_window
from channel_sync.reconciliation.windows import require_window


@dataclass(frozen=True)
class NewConnection:
    """What a person says to connect a property; without a verification the present one stays.

    `go_live` accepts the parity report beforehand, whatever it says, and settles reservations that only the PMS has.

    `set_webhook` is the consent to set the webhook at the channel, to `webhook_url`.

    Where it moves a property, `after_move` says what becomes of mappings and links, and with `close_old_rooms` the
    rooms are closed first at the property that it leaves. `take_over` ends the connection of another property of the
    PMS to the same one of the channel. With `keys_are_lost` it is no mistake that nothing that is stored can be
    decrypted.
    """

    property_id: UUID
    channel_name: str
    invite_code: str = field(repr=False)
    channel_property_id: str | None = None
    verification: WebhookVerification | None = None
    accept_suggestions: bool = False
    first_sync: bool = False
    go_live: OldBookings | None = None
    new_webhook_secret: bool = False
    webhook_url: str = ""
    set_webhook: bool = False
    after_move: AfterMove | None = None
    close_old_rooms: bool = False
    take_over: bool = False
    keys_are_lost: bool = False


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


def connect(new: NewConnection, *, by: str, may_displace: MayDisplace = lambda other: True) -> ConnectOutcome:
    """Connect, set the webhook, schedule its reconciliations; save mappings and start the first synchronisation.

    Each where it is wanted, and in this order. What can be found wrong without the channel is found before the invite
    code is spent. `may_displace` says whether the person may take over the connection of another property, and hear
    of it; it is asked again when that is done. Raises as `connect_property` and `require_decided` do.
    """
    with connecting(new.property_id, new.channel_name, new.channel_property_id or _present_id(new)):
        connected = _connected(new, may_displace, by=by)
    channel_property = connected.channel_property
    saved = save_suggestions(channel_property, connected.suggestions.matches) if new.accept_suggestions else 0
    saved += save_rates(channel_property, connected.suggestions.rates) if new.accept_suggestions else 0
    schedule_reconciliation(channel_property)
    note_action(channel_property, AuditAction.PROPERTY_CONNECTED, by, mappings_saved=saved)
    outcome = ConnectOutcome(connected, saved, look_at_new(connected, new.webhook_url, set_webhook=new.set_webhook))
    if not new.first_sync:
        return outcome
    channel_property.refresh_from_db(fields=["held_since"])
    if channel_property.held_since is not None:
        # Bookings come in, and the calendar goes out, once both sides were compared and the report is accepted.
        return replace(outcome, first_sync_queued=start_soon(channel_property))
    try:
        start_first_sync(channel_property, by=by)
    except NothingQueued as error:
        # The connection stands and its secret is shown only now; the synchronisation can be started later.
        return replace(outcome, not_queued=str(error))
    return replace(outcome, first_sync_queued=True)


def _connected(new: NewConnection, may_displace: MayDisplace, *, by: str) -> Connected:
    wanted = new.channel_property_id or _present_id(new)
    require_ready(new.property_id, new.channel_name, wanted, keys_are_lost=new.keys_are_lost)
    displaced = _decided(new, wanted, may_displace)
    paused = close_rooms(displaced, by=by) if new.close_old_rooms else []
    was = displaced.moved.channel_property_id if displaced.moved is not None else ""

    def hold(found: ChannelProperty, reason: ParityReason) -> None:
        if reason is ParityReason.MOVED and new.after_move is not None:
            note_moved(found, was=was, after_move=new.after_move, paused_here=found.id in paused, by=by)
        hold_property(found, reason, by=by, accept_as=new.go_live)

    def displace(channel_property_id: str) -> None:
        """What was decided before the channel was called may be about another property by now."""
        lock_places(new.property_id, new.channel_name, channel_property_id)
        found = _decided(new, channel_property_id, may_displace, code_is_spent=True)
        if found.elsewhere is not None:
            end_connection(found.elsewhere, by=by)

    with undisturbed(displaced):
        return connect_property(
            new.property_id,
            channel_name=new.channel_name,
            invite_code=new.invite_code,
            channel_property_id=wanted,
            verification=new.verification,
            new_webhook_secret=new.new_webhook_secret,
            hold=hold,
            displace=displace,
        )


def _decided(
    new: NewConnection, wanted: str | None, may_displace: MayDisplace, *, code_is_spent: bool = False
) -> Displaced:
    displaced = displaced_by(new.property_id, new.channel_name, wanted)
    require_decided(
        displaced,
        to=f"{new.channel_name} {wanted}",
        after_move=new.after_move,
        take_over=new.take_over,
        may_displace=may_displace,
        code_is_spent=code_is_spent,
    )
    return displaced


def _present_id(new: NewConnection) -> str | None:
    """Connecting again without a name is no move: it renews the login of the property that it has."""
    present = ChannelProperty.objects.filter(
        property_id=new.property_id, channel_name=new.channel_name, connection__isnull=False
    )
    return present.values_list("channel_property_id", flat=True).first()


def try_connection(channel_property: ChannelProperty, *, by: str) -> ConnectionTried:
    """Ask the channel for the rooms of the property. Raises what calls raise when it does not answer."""
    begun = time.monotonic()
    rooms = rooms_at_channel(channel_property)
    milliseconds = int((time.monotonic() - begun) * 1000)
    note_action(channel_property, AuditAction.CONNECTION_TESTED, by, milliseconds=milliseconds)
    left = ChannelAccount.objects.filter(connections__channel_property=channel_property)
    return ConnectionTried(milliseconds, rooms, left.values_list("credits_remaining", flat=True).first())


@transaction.atomic
def pause(channel_property: ChannelProperty, *, by: str) -> None:
    """Send nothing until it is resumed; webhooks are still taken, what an OTA has sold is a fact.

    Its rooms stay for sale at the channel: `pause_with_rooms_closed` closes them first.
    """
    was = lock_status(channel_property)
    forget_failed_closing(channel_property)
    note_paused(channel_property.id, by=by)
    note_action(channel_property, AuditAction.PROPERTY_PAUSED, by, was=was, close_rooms=False)
    channel_property.refresh_from_db(fields=STATE)


def resume(channel_property: ChannelProperty, *, by: str, go_live: OldBookings | None = None) -> None:
    """End a pause: compare both sides, and send again once the report is clean or accepted.

    Then everything is sent, bookings first: the reservations that were made, changed and cancelled meanwhile go out,
    then the whole calendar, which waits for them and for what the channel has sold, and opens what the pause has
    closed. `go_live` accepts the report beforehand. After a lost login that works once more there is nothing to
    compare: all changes are in the log, and go out at once. Resuming what is active sends nothing, unless its rooms
    were about to be closed: that is given up. Raises `ClosingUnderWay` when a worker is closing them at this moment.
    """
    with transaction.atomic():
        was = lock_status(channel_property)
        was_closing = give_up_closing(channel_property)
        note_resumed(channel_property.id, is_held=was == ChannelPropertyStatus.INACTIVE)
        note_action(channel_property, AuditAction.PROPERTY_RESUMED, by, was=was)
        channel_property.refresh_from_db(fields=STATE)
        if was == ChannelPropertyStatus.INACTIVE:
            hold_property(channel_property, ParityReason.RESUMED, by=by, accept_as=go_live)
        elif was == ChannelPropertyStatus.ERROR or was_closing:
            wake(channel_property.id)
            request_full_sync(channel_property)
    if was == ChannelPropertyStatus.INACTIVE:
        start_soon(channel_property)


def start_reconciliation(
    channel_property: ChannelProperty,
    kind: ReconciliationKind,
    *,
    by: str,
    dry_run: bool = False,
    window: tuple[date, date] | None = None,
) -> ReconciliationRun:
    """The run, queued for the reconciliation worker, which takes it next. Without a window it is of the usual one.

    Raises `InvalidWindow`, and `NothingQueued` when the broker does not take it.
    """
    today = host_pms().property_facts(channel_property.property_id).today()
    if window is not None:
        require_window(*window, today)
    days = [str(day) for day in window] if window else None
    run = queue_run(
        channel_property, kind, window or usual_window(kind, today), dry_run=dry_run, is_asked=window is not None
    )
    details = {"kind": kind.value, "dry_run": dry_run, "window": days, "run_id": str(run.id)}
    try:
        _queue(channel_property, RECONCILE_TASK, [kind.value], {"run_id": str(run.id)}, by=by, details=details)
    except NothingQueued:
        run.delete()
        raise
    return run


def start_first_sync(channel_property: ChannelProperty, *, by: str) -> None:
    """Let the reconciliation worker import every booking, then send the whole calendar. Raises `NothingQueued`.

    Of a property that is held both sides are compared first.
    """
    channel_property.refresh_from_db(fields=["held_since"])
    if channel_property.held_since is not None:
        compare_again(channel_property, by=by)
        return
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
    entry = note_action(channel_property, AuditAction.RUN_STARTED, by, **details)
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
