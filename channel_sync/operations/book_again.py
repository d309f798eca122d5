"""Book a failed reservation again, on the same reservation."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import BookingStatus
from channel_sync.errors import CannotBookAgain
from channel_sync.inventory.reopening import Reopened, reopen
from channel_sync.models import AuditAction
from channel_sync.operations.audit import note
from channel_sync.pms import host_pms


@transaction.atomic
def book_again(reservation_id: UUID, *, by: str) -> Reopened:
    """Send a failed reservation to its channel again, as it is now, under a new hold.

    When the channel has its booking already it is confirmed. One that waits or is confirmed is left as it is: pressing
    twice books once. Raises `NotEnoughUnits`, `CannotBookAgain`, and `NotYet` when it moves at this moment.
    """
    reopening = reopen(reservation_id)
    if reopening.outcome is Reopened.NOT_FAILED:
        reservation = host_pms().reservation(reservation_id)
        if reservation is None:
            raise CannotBookAgain(reservation_id, "the PMS does not have it.")
        if reservation.status is BookingStatus.CANCELLED:
            raise CannotBookAgain(reservation_id, "it was cancelled. Make a new one.")
        return reopening.outcome
    note(
        by,
        AuditAction.RESERVATION_BOOKED_AGAIN,
        f"reservation:{reservation_id}",
        outcome=reopening.outcome.name.lower(),
        events=[str(message.event_id) for message in reopening.messages],
    )
    publish_after_commit(reopening.messages)
    return reopening.outcome
