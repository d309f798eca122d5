"""The circuit breaker of an account: while its channel does not answer, events wait and cost no attempt.

The first call that gets no answer opens it. While it is open, one probe at a time (the account's lock sees to that)
asks with a call that changes nothing; once that is answered, one event tries, and the others follow it. What fails then
costs no attempt either: a channel may answer the probe and not the call that matters. The breaker remembers which calls
have failed, and closes when they succeed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce

from channel_sync.channels.canonical import ObservedCall
from channel_sync.database_clock import database_now
from channel_sync.errors import ChannelUnavailable, NotYet, WaitsFor
from channel_sync.events.retry import probe_schedule
from channel_sync.models import OPEN_STATUSES, ChannelAccount, ChannelEvent, ChannelProperty

logger = logging.getLogger(__name__)

# What waits tries again every five minutes at most: a failed call that was not made again for longer, nobody needs.
FORGOTTEN_AFTER = timedelta(minutes=15)


class CallsMade:
    """The calls of one turn at an account, by method, path and property; of several alike the last one counts.

    What fails for one property of an account may go well for its neighbour, whose success says nothing about it.
    """

    def __init__(self, external_property_id: str) -> None:
        self.last = ""
        self._about = external_property_id
        self._answered: dict[str, bool] = {}

    def note(self, call: ObservedCall) -> None:
        """Hear of a call."""
        self.last = f"{call.method} {call.path} of {self._about}"
        self._answered[self.last] = (
            call.status is not None
            and call.status < HTTPStatus.INTERNAL_SERVER_ERROR
            and call.status != HTTPStatus.TOO_MANY_REQUESTS
        )

    def fail(self) -> None:
        """The last call has failed, whatever its status: its answer could not be read."""
        self._answered[self.last] = False

    def answered(self) -> set[str]:
        """The calls that were answered."""
        return {name for name, is_answered in self._answered.items() if is_answered}


def require_available(account_id: UUID, probe: Callable[[], None]) -> datetime | None:
    """None while the breaker is closed; since when it is open, once the channel answers a probe.

    Raises `NotYet` while it is not time for a probe, and when that is not answered.
    """
    now = database_now()
    since, probe_at = ChannelAccount.objects.values_list("unavailable_since", "probe_at").get(id=account_id)
    if since is None:
        return None
    if probe_at is not None and probe_at > now:
        raise NotYet(
            f"The channel has not answered since {since:%H:%M:%S %Z}.",
            retry_after=probe_at - now,
            waits_for=WaitsFor.CHANNEL,
        )
    try:
        probe()
    except ChannelUnavailable as error:
        delay = note_unavailable(account_id)
        raise NotYet(
            f"The channel has not answered since {since:%H:%M:%S %Z}.", retry_after=delay, waits_for=WaitsFor.CHANNEL
        ) from error
    return since


def is_open(channel_property: ChannelProperty) -> bool:
    """Whether the channel did not answer when it was asked last, or fails in some of its calls."""
    accounts = ChannelAccount.objects.filter(connections__channel_property=channel_property)
    return accounts.filter(unavailable_since__isnull=False).exists()


def note_unavailable(account_id: UUID, call: str = "") -> timedelta:
    """A call got no answer: open the breaker, or keep it open for longer; returns the time until the next probe.

    `call` is the method and the path; none for a probe.
    """
    account = ChannelAccount.objects.get(id=account_id)
    now = database_now()
    delay = probe_schedule().delay(account.failed_probes + 1)
    ChannelAccount.objects.filter(id=account_id).update(
        unavailable_since=Coalesce("unavailable_since", now),
        probe_at=now + delay,
        failed_probes=F("failed_probes") + 1,
        failing_calls={**account.failing_calls, **({call: now.isoformat()} if call else {})},
    )
    if account.unavailable_since is None:
        logger.error("account %s: the channel does not answer; its events wait", account_id)
    return delay


def note_answered(account_id: UUID, answered: Collection[str]) -> None:
    """Calls were answered while the breaker is open: close it when none is left that fails."""
    if not answered:
        return
    account = ChannelAccount.objects.get(id=account_id)
    remembered = database_now() - FORGOTTEN_AFTER
    failing = {
        call: failed_at
        for call, failed_at in account.failing_calls.items()
        if call not in answered and datetime.fromisoformat(failed_at) > remembered
    }
    found = ChannelAccount.objects.filter(id=account_id)
    if failing and _something_waits(account_id):
        found.update(failing_calls=failing)
        return
    found.update(unavailable_since=None, probe_at=None, failed_probes=0, failing_calls={})
    logger.warning("account %s: the channel answers again", account_id)


def _something_waits(account_id: UUID) -> bool:
    """Whether an event may make the failing call again: without one, nothing would show that it succeeds."""
    properties = ChannelProperty.objects.filter(connection__account_id=account_id).values("id")
    return ChannelEvent.objects.filter(channel_property__in=properties, status__in=OPEN_STATUSES).exists()
