"""Look at holds whose time is over: extend those whose sale stands, expire the others and fail their reservations."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import BookingStatus
from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.inventory.hold_policy import is_on_its_way, stands_until_settled
from channel_sync.inventory.overbookings import close_overbookings_gone
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import Reservation, host_pms

logger = logging.getLogger(__name__)

BATCH = 500
EXPIRED_REASON = "The channel did not confirm in time; the room is free again. Book the reservation again."


def expire_holds(*, now: datetime | None = None) -> int:
    """Settle every active hold whose time is over; how many this run expired.

    Under the policy `optimistic` the hold of a reservation that is on its way to its channel is extended by `hold_ttl`
    instead. One transaction per reservation: a run that dies keeps what it did, and two runs at once share the work.
    """
    now = now or database_now()
    expired = 0
    after = UUID(int=0)
    while True:
        over = InventoryHold.objects.filter(
            status=HoldStatus.ACTIVE, hold_expires_at__lte=now, reservation_id__gt=after
        )
        batch = list(over.order_by("reservation_id").values_list("reservation_id", flat=True).distinct()[:BATCH])
        if not batch:
            break
        for reservation_id in batch:
            expired += _settle(reservation_id, now)
        after = batch[-1]
    if expired:
        logger.warning("%d holds have expired", expired)
    return expired


@transaction.atomic
def _settle(reservation_id: UUID, now: datetime) -> int:
    """Extend or expire; an event that fails meanwhile waits for the lock of the reservation, and is seen behind it."""
    pms = host_pms()
    reservation = pms.lock_reservation(reservation_id)
    holds = InventoryHold.objects.filter(reservation_id=reservation_id, status=HoldStatus.ACTIVE)
    active = list(holds.order_by("id").select_for_update())
    over = [hold for hold in active if hold.hold_expires_at <= now]
    if over and reservation is not None and _stands(reservation):
        until = now + channel_sync_settings().hold_ttl
        InventoryHold.objects.filter(id__in=[hold.id for hold in over]).update(hold_expires_at=until, updated_at=now)
        pms.keep_reservation(reservation_id, until)
        return 0
    if over:
        InventoryHold.objects.filter(id__in=[hold.id for hold in over]).update(
            status=HoldStatus.EXPIRED, updated_at=now
        )
        if len(over) == len(active):
            pms.fail_reservation(reservation_id, EXPIRED_REASON)
        if reservation is not None:
            close_overbookings_gone(reservation.room_type_id)
    return len(over)


def _stands(reservation: Reservation) -> bool:
    """Whether the sale of the desk stands though its channel has not answered."""
    return (
        stands_until_settled() and reservation.status is not BookingStatus.CANCELLED and is_on_its_way(reservation.id)
    )
