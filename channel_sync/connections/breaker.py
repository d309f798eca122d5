"""The circuit breaker of an account: while its channel does not answer, events wait and cost no attempt.

The first call that gets no answer opens it. While it is open, one probe at a time (the account's lock sees to that)
asks with a call that changes nothing; the first answer closes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from channel_sync.errors import ChannelUnavailable, NotYet
from channel_sync.events.retry import probe_schedule
from channel_sync.models import ChannelAccount

logger = logging.getLogger(__name__)


def require_available(account_id: UUID, probe: Callable[[], None]) -> None:
    """Return at once while the breaker is closed; probe when it is time to. Raises `NotYet` while it stays open."""
    now = timezone.now()
    since, probe_at = ChannelAccount.objects.values_list("unavailable_since", "probe_at").get(id=account_id)
    if since is None:
        return
    if probe_at is not None and probe_at > now:
        raise NotYet(f"The channel has not answered since {since:%H:%M:%S %Z}.", retry_after=probe_at - now)
    try:
        probe()
    except ChannelUnavailable as error:
        delay = note_unavailable(account_id)
        raise NotYet(f"The channel has not answered since {since:%H:%M:%S %Z}.", retry_after=delay) from error
    ChannelAccount.objects.filter(id=account_id).update(unavailable_since=None, probe_at=None, failed_probes=0)
    logger.warning("account %s: the channel answers again, after %s", account_id, now - since)


def note_unavailable(account_id: UUID) -> timedelta:
    """A call got no answer: open the breaker, or keep it open for longer; returns the time until the next probe."""
    account = ChannelAccount.objects.get(id=account_id)
    now = timezone.now()
    delay = probe_schedule().delay(account.failed_probes + 1)
    ChannelAccount.objects.filter(id=account_id).update(
        unavailable_since=Coalesce("unavailable_since", now),
        probe_at=now + delay,
        failed_probes=F("failed_probes") + 1,
    )
    if account.unavailable_since is None:
        logger.error("account %s: the channel does not answer; its events wait", account_id)
    return delay
