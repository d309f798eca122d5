"""The task that makes a parity check and carries it out."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from channel_sync.connections.opening import PARITY_TASK
from channel_sync.errors import Retryable
from channel_sync.models import ChannelProperty, ChannelPropertyStatus, ParityStatus
from channel_sync.parity.check import make_check
from channel_sync.parity.settlement import carry_out

logger = logging.getLogger(__name__)


@shared_task(name=PARITY_TASK, ignore_result=True)
def check_parity(channel_property_id: str) -> None:
    """Compare both sides of a property where that is wanted, and go live where its report is clean or accepted."""
    found = ChannelProperty.objects.filter(id=UUID(channel_property_id), status=ChannelPropertyStatus.ACTIVE).first()
    if found is None:
        logger.info("channel property %s is not active, its parity is not checked", channel_property_id)
        return
    try:
        check = make_check(found)
        if check is not None and check.status == ParityStatus.OPENING:
            carry_out(found)
    except Retryable as error:
        logger.info("the parity check of %s goes on later: %s", found, error)
