"""Redaction and retention by the times of the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from channel_sync.conf import channel_sync_settings
from channel_sync.retention.deletion import (
    delete,
    old_alerts,
    old_answers,
    old_api_calls,
    old_deliveries,
    old_events,
    old_notifications,
    old_rejections,
)
from channel_sync.retention.redaction import count_redactable, redact_conflicts, redact_events

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retained:
    """What a run did, or would do."""

    events_redacted: int
    conflicts_redacted: int
    events_deleted: int
    api_calls_deleted: int
    alerts_deleted: int
    notifications_deleted: int
    deliveries_deleted: int
    rejections_deleted: int
    answers_deleted: int


def preview(*, now: datetime) -> Retained:
    """What a run would do now; closed conflicts are not counted beforehand."""
    settings = channel_sync_settings()
    return Retained(
        events_redacted=count_redactable(settings.redact_after, settings.redact_failed_after, now=now),
        conflicts_redacted=0,
        events_deleted=old_events(settings.retain_events, now=now).count(),
        api_calls_deleted=old_api_calls(settings.retain_api_calls, now=now).count(),
        alerts_deleted=old_alerts(settings.retain_events, now=now).count(),
        notifications_deleted=old_notifications(settings.retain_notifications, now=now).count(),
        deliveries_deleted=old_deliveries(settings.retain_notifications, now=now).count(),
        rejections_deleted=old_rejections(settings.retain_rejected_webhooks, now=now).count(),
        answers_deleted=old_answers(now=now).count(),
    )


def run_retention(*, now: datetime, progress: Callable[[int], None] = lambda done: None) -> Retained:
    """Delete, then redact what stays. A run that dies has kept what it did; the next one goes on."""
    settings = channel_sync_settings()
    done = Retained(
        events_deleted=delete(old_events(settings.retain_events, now=now), progress),
        api_calls_deleted=delete(old_api_calls(settings.retain_api_calls, now=now), progress),
        alerts_deleted=delete(old_alerts(settings.retain_events, now=now), progress),
        notifications_deleted=delete(old_notifications(settings.retain_notifications, now=now), progress),
        deliveries_deleted=delete(old_deliveries(settings.retain_notifications, now=now), progress),
        rejections_deleted=delete(old_rejections(settings.retain_rejected_webhooks, now=now), progress),
        answers_deleted=delete(old_answers(now=now), progress),
        events_redacted=redact_events(settings.redact_after, settings.redact_failed_after, now=now, progress=progress),
        conflicts_redacted=redact_conflicts(settings.redact_after, now=now),
    )
    logger.info("retention: %s", asdict(done))
    return done
