"""Claim an event, do its work, settle it: the frame that both workers share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from channel_sync.correlation import correlated
from channel_sync.errors import Fatal, IllegalTransition, NotYet, RateLimited
from channel_sync.events.lifecycle import claim, mark_failed, put_off, retry_at
from channel_sync.events.retry import error_schedule, rate_limit_schedule
from channel_sync.metrics import EVENT_SECONDS, RATE_LIMIT_HITS, timed
from channel_sync.models import ChannelEvent, EventStatus
from channel_sync.tracing import note_span, span

logger = logging.getLogger(__name__)

Work = Callable[[ChannelEvent], None]


def nothing_more(event: ChannelEvent, error: Fatal) -> None:
    """Default for `on_fatal`."""


def process(
    event_id: UUID, work: Work, *, on_fatal: Callable[[ChannelEvent, Fatal], None] = nothing_more
) -> EventStatus | None:
    """Claim an event and work it; None when there was nothing to do. See `work_claimed`."""
    event = claim(event_id)
    if event is None:
        logger.info("event %s: nothing to do, it is settled or in other hands", event_id)
        return None
    return work_claimed(event, work, on_fatal=on_fatal)


def work_claimed(
    event: ChannelEvent, work: Work, *, on_fatal: Callable[[ChannelEvent, Fatal], None] = nothing_more
) -> EventStatus | None:
    """Run `work` on a claimed event and return the status it ends in; None when it is in other hands by then.

    `work` commits its effect together with `mark_done` or `mark_ignored`. `on_fatal` runs in the transaction that
    marks the event failed. An error of the database while settling leaves the event to its lease and the relay.
    """
    with (
        correlated(event.correlation_id) as correlation,
        span(_span_name(event), correlation, _told(event)),
        timed(event.direction, event.event_type),
    ):
        try:
            work(event)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the event keeps its story
            return settle_error(event, error, on_fatal=on_fatal)
        return _ended(event)


def note_worked(event: ChannelEvent, seconds: float) -> None:
    """Tell of an event that was settled with others what is told of one that is worked alone."""
    EVENT_SECONDS.labels(event.direction, event.event_type).observe(seconds)
    with correlated(event.correlation_id) as correlation:
        note_span(_span_name(event), correlation, round(seconds * 1000), _told(event))
        _ended(event)


def settle_error(
    event: ChannelEvent, error: Exception, *, on_fatal: Callable[[ChannelEvent, Fatal], None] = nothing_more
) -> EventStatus | None:
    """Give a claimed event the state that an error asks for; None when it is in other hands by now."""
    try:
        if isinstance(error, IllegalTransition):
            raise error
        if isinstance(error, Fatal):
            logger.warning("event %s %s failed: %s", event.id, event.routing_key, error)
            with transaction.atomic():
                on_fatal(event, error)
                mark_failed(event, error)
        else:
            _try_again(event, error)
    except IllegalTransition as illegal:
        logger.warning("event %s: %s", event.id, illegal)
        return None
    return _ended(event)


def _span_name(event: ChannelEvent) -> str:
    return f"{event.direction} {event.event_type}"


def _told(event: ChannelEvent) -> dict[str, object]:
    return {"event": str(event.id), "attempt": event.attempts or 0}


def _ended(event: ChannelEvent) -> EventStatus:
    logger.info("event %s %s is %s", event.id, event.routing_key, event.status)
    return EventStatus(event.status)


def _try_again(event: ChannelEvent, error: Exception) -> None:
    """Put off, retry or give up; an error that is nobody's class is taken for retryable, and logged whole."""
    attempts = event.attempts or 0
    if isinstance(error, OperationalError | InterfaceError):
        connection.close()
    if isinstance(error, NotYet):
        put_off(event, timezone.now() + error.retry_after, error)
    elif isinstance(error, RateLimited):
        RATE_LIMIT_HITS.labels(event.direction, event.event_type).inc()
        put_off(event, timezone.now() + (error.retry_after or rate_limit_schedule().delay(attempts)), error)
    elif attempts >= (event.max_attempts or 1):
        logger.error("event %s %s gave up", event.id, event.routing_key, exc_info=error)
        mark_failed(event, error)
    else:
        logger.warning("event %s %s is tried again", event.id, event.routing_key, exc_info=error)
        retry_at(event, timezone.now() + error_schedule().delay(attempts), error)
