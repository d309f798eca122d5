"""Expire holds whose time is over, and settle the reservations that waited under them."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from channel_sync.database_clock import database_now
from channel_sync.inventory.overbookings import close_overbookings_gone
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import host_pms

logger = logging.getLogger(__name__)

BATCH = 500
EXPIRED_REASON = "The channel did not confirm in time; the room is free again. Make a new reservation."


def expire_holds(*, now: datetime | None = None) -> int:
    """Expire every active hold that is over; how many this run expired.

    One transaction per reservation: a run that dies keeps what it did, and two runs at once share the work. Its
    units count as free from the moment of expiry, whenever the reaper comes.
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
            expired += _expire(reservation_id, now)
        after = batch[-1]
    if expired:
        logger.warning("%d holds have expired", expired)
    return expired


@transaction.atomic
def _expire(reservation_id: UUID, now: datetime) -> int:
    pms = host_pms()
    reservation = pms.lock_reservation(reservation_id)
    holds = InventoryHold.objects.filter(reservation_id=reservation_id, status=HoldStatus.ACTIVE)
    active = list(holds.order_by("id").select_for_update())
    over = [hold for hold in active if hold.hold_expires_at <= now]
    if over:
        InventoryHold.objects.filter(id__in=[hold.id for hold in over]).update(
            status=HoldStatus.EXPIRED, updated_at=now
        )
        if len(over) == len(active):
            pms.fail_reservation(reservation_id, EXPIRED_REASON)
        if reservation is not None:
            close_overbookings_gone(reservation.room_type_id)
    return len(over)
