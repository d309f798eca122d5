"""Compare both sides before a property goes live, and accept what the report says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from celery import current_app
from django.db import transaction

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.topology import topology
from channel_sync.connections.opening import PARITY_TASK, held, want_check
from channel_sync.errors import AlreadyLive, NotYet, WaitsFor
from channel_sync.models import AuditAction, ChannelProperty, OldBookings, ParityCheck, ParityReason, ParityStatus
from channel_sync.operations.audit import note
from channel_sync.parity.check import make_check, unsettled_check
from channel_sync.parity.report import ParityReport
from channel_sync.parity.settlement import accept, carry_out
from channel_sync.reconciliation.runs import Progress, RunOptions
from channel_sync.reconciliation.spare_calls import Wait


@dataclass(frozen=True)
class Parity:
    """How a property stands: held or open, the check that is not done, or the last one, and its report."""

    channel_property: ChannelProperty
    held_since: datetime | None
    held_mappings: int
    check: ParityCheck | None
    report: ParityReport | None

    @property
    def is_open(self) -> bool:
        """Whether everything may be sent."""
        return self.held_since is None and not self.held_mappings

    @property
    def made_at(self) -> datetime | None:
        """When the report was made: what names it, as it may be made again while somebody looks at it."""
        return self.check.made_at if self.check is not None else None

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on by itself."""
        return self.check is not None and self.check.status in (ParityStatus.WANTED, ParityStatus.OPENING)

    @property
    def can_be_accepted(self) -> bool:
        """Whether a report waits for a person."""
        return self.check is not None and self.check.status == ParityStatus.WAITING


def parity_of(channel_property: ChannelProperty) -> Parity:
    """Looks only into the database."""
    channel_property.refresh_from_db(fields=["held_since"])
    check = unsettled_check(channel_property) or (
        ParityCheck.objects.filter(channel_property=channel_property).order_by("-created_at").first()
    )
    return Parity(
        channel_property,
        channel_property.held_since,
        len(held(channel_property)),
        check,
        ParityReport.model_validate(check.report) if check is not None and check.report is not None else None,
    )


def compare_again(channel_property: ChannelProperty, *, by: str) -> None:
    """Have both sides compared once more, by a worker; what was reported before can no longer be accepted.

    Raises `AlreadyLive` when nothing of the property is held.
    """
    with transaction.atomic():
        if _is_live(channel_property):
            raise AlreadyLive(channel_property)
        want_check(channel_property, _reason(channel_property), by=by)
        note(
            by, AuditAction.RUN_STARTED, f"property:{channel_property.id}",
            channel_property_id=channel_property.id, kind="parity check",
        )  # fmt: skip
    start_soon(channel_property)


def compare_now(
    channel_property: ChannelProperty,
    *,
    by: str,
    wait: Wait,
    progress: Progress,
    accept_as: OldBookings | None = None,
) -> Parity:
    """Compare in this process; with `accept_as` go live too, whatever the report says.

    Waits while a worker does the same, and takes what that finds; of a property that is live nothing is compared.
    Raises as `make_check` and `carry_out` do.
    """
    if _is_live(channel_property):
        return parity_of(channel_property)
    with transaction.atomic():
        if not _is_under_way(channel_property, accept_as):
            want_check(channel_property, _reason(channel_property), by=by, accept_as=accept_as)
        if accept_as is not None:
            _note_accepted(channel_property, accept_as, by=by)
    while True:
        try:
            check = make_check(channel_property, wait=wait, progress=progress)
            if check is not None and check.status == ParityStatus.OPENING:
                carry_out(channel_property, RunOptions(wait=wait, progress=progress))
            return parity_of(channel_property)
        except NotYet as error:
            if error.waits_for is not WaitsFor.TURN or error.retry_after is None:
                raise
            wait(error.retry_after, str(error))


def accept_report(
    channel_property: ChannelProperty, old_bookings: OldBookings, *, by: str, made_at: datetime | None = None
) -> None:
    """Accept the report that waits, for all old bookings alike; a worker does the rest.

    `made_at` says which report somebody has looked at. Raises `ReportNotAccepted` when none waits, or another one.
    """
    with transaction.atomic():
        accept(channel_property, old_bookings, by=by, made_at=made_at)
        _note_accepted(channel_property, old_bookings, by=by)
    start_soon(channel_property)


def start_soon(channel_property: ChannelProperty) -> bool:
    """Let the reconciliation worker go on at once; False where the broker is away: beat starts it once it is back."""
    try:
        current_app.send_task(
            PARITY_TASK,
            args=[str(channel_property.id)],
            queue=topology().reconciliation.name,
            ignore_result=True,
            retry=False,
        )
    except BROKER_ERRORS:
        return False
    return True


def _is_live(channel_property: ChannelProperty) -> bool:
    return unsettled_check(channel_property) is None and parity_of(channel_property).is_open


def _is_under_way(channel_property: ChannelProperty, accept_as: OldBookings | None) -> bool:
    """Whether what is wanted is wanted already: a report that waits has to be made anew to be accepted unseen."""
    check = unsettled_check(channel_property)
    if check is None or accept_as is None:
        return check is not None
    return check.status != ParityStatus.WAITING and check.accept_as == accept_as


def _reason(channel_property: ChannelProperty) -> ParityReason:
    return ParityReason.RESUMED if channel_property.held_since is not None else ParityReason.MAPPED


def _note_accepted(channel_property: ChannelProperty, old_bookings: OldBookings, *, by: str) -> None:
    note(
        by, AuditAction.PARITY_ACCEPTED, f"property:{channel_property.id}",
        channel_property_id=channel_property.id, old_bookings=old_bookings.value,
    )  # fmt: skip
