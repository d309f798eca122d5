"""Claim an event, do its work, end it: the frame that both workers share."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import InterfaceError, OperationalError

from channel_sync.correlation import correlated
from channel_sync.database_errors import is_cut
from channel_sync.database_lock import close_if_broken
from channel_sync.errors import Fatal, IllegalTransition, NotYet, RateLimited
from channel_sync.events.handlers import Apply, handler_of
from channel_sync.events.lease import keeping
from channel_sync.events.retry import error_schedule, rate_limit_schedule
from channel_sync.events.store import claim, fail, renew, retry, snooze
from channel_sync.metrics import EVENT_SECONDS, RATE_LIMIT_HITS, timed
from channel_sync.models import ChannelEvent, EventStatus
from channel_sync.tracing import note_span, span

logger = logging.getLogger(__name__)


def process(event_id: UUID, apply: Apply | None = None) -> EventStatus | None:
    """Claim an event and work it under its lease; None when there was nothing to do. See `work_claimed`."""
    event = claim(event_id)
    if event is None:
        logger.info("event %s: nothing to do, it is settled or in other hands", event_id)
        return None
    with keeping(event.lease_holder or "", renew):
        return work_claimed(event, apply)


def work_claimed(event: ChannelEvent, apply: Apply | None = None) -> EventStatus | None:
    """Apply a claimed event and return the status it ends in; None when it is in other hands by then.

    What its handler does, unless `apply` is given, commits its effect together with the end of the event. An error of
    the database while the event is ended leaves it to its lease and the relay.
    """
    with (
        correlated(event.correlation_id) as correlation,
        span(_span_name(event), correlation, _labels(event)),
        timed(event.direction, event.event_type),
    ):
        try:
            (apply or handler_of(event.event_type).apply)(event)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the event keeps its story
            return settle_error(event, error)
        return _ended(event)


def note_worked(event: ChannelEvent, seconds: float) -> None:
    """Note of an event that was ended with others what is noted of one that is worked alone."""
    EVENT_SECONDS.labels(event.direction, event.event_type).observe(seconds)
    with correlated(event.correlation_id) as correlation:
        note_span(_span_name(event), correlation, round(seconds * 1000), _labels(event))
        _ended(event)


def settle_error(event: ChannelEvent, error: Exception) -> EventStatus | None:
    """Give a claimed event the status that an error asks for; None when it is in other hands by now."""
    try:
        if isinstance(error, IllegalTransition):
            raise error
        if isinstance(error, Fatal):
            logger.warning("event %s %s failed: %s", event.id, event.routing_key, error)
            fail(event, error)
        else:
            _try_again(event, error)
    except IllegalTransition as illegal:
        logger.warning("event %s: %s", event.id, illegal)
        return None
    return _ended(event)


def _span_name(event: ChannelEvent) -> str:
    return f"{event.direction} {event.event_type}"


def _labels(event: ChannelEvent) -> dict[str, object]:
    return {"event": str(event.id), "attempt": event.attempts or 0}


def _ended(event: ChannelEvent) -> EventStatus:
    logger.info("event %s %s is %s", event.id, event.routing_key, event.status)
    return EventStatus(event.status)


def _try_again(event: ChannelEvent, error: Exception) -> None:
    """Snooze, retry or give up; an error that is nobody's class is taken for retryable, and logged whole.

    A connection to the database that was cut is no attempt of the event: a server that starts anew three times would
    make dead letters of bookings.
    """
    attempts = event.attempts or 0
    if isinstance(error, OperationalError | InterfaceError):
        close_if_broken()
    if isinstance(error, NotYet):
        snooze(event, error.retry_after, error)
    elif isinstance(error, RateLimited):
        RATE_LIMIT_HITS.labels(event.direction, event.event_type).inc()
        snooze(event, error.retry_after or rate_limit_schedule().delay(attempts), error)
    elif is_cut(error):
        logger.warning("event %s %s lost its connection to the database", event.id, event.routing_key)
        snooze(event, error_schedule().delay(attempts), error)
    elif attempts >= (event.max_attempts or 1):
        logger.error("event %s %s gave up", event.id, event.routing_key, exc_info=error)
        fail(event, error)
    else:
        logger.warning("event %s %s is tried again", event.id, event.routing_key, exc_info=error)
        retry(event, error_schedule().delay(attempts), error)
