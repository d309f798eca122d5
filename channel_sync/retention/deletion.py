"""Delete what has been kept for long enough, in batches, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from channel_sync.models import (
    Alert,
    ApiCall,
    ChannelEvent,
    Notification,
    RejectedWebhooks,
    StoredAnswer,
    WebhookDelivery,
)
from channel_sync.retention.redaction import REDACTABLE

BATCH = 2_000
# As long as an Idempotency-Key holds.
ANSWERS_KEPT = timedelta(hours=24)

Progress = Callable[[int], None]


def old_events(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """Settled events that were received longer ago; failed ones stay, they are open cases."""
    return ChannelEvent.objects.filter(status__in=REDACTABLE, received_at__lt=now - after).order_by("received_at")


def old_api_calls(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """Notes of calls that were made longer ago."""
    return ApiCall.objects.filter(created_at__lt=now - after).order_by("created_at")


def old_alerts(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """Alerts that were over and told longer ago."""
    return Alert.objects.filter(settled=True, resolved_at__lt=now - after).order_by("resolved_at")


def old_notifications(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """What happened longer ago; who has not read it by now reads its lists anew."""
    return Notification.objects.filter(created_at__lt=now - after).order_by("id")


def old_deliveries(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """Notes of webhook deliveries that were tried longer ago."""
    return WebhookDelivery.objects.filter(created_at__lt=now - after).order_by("created_at")


def old_rejections(after: timedelta, *, now: datetime) -> QuerySet[Any]:
    """Counts of refused webhooks, the last of which came longer ago."""
    return RejectedWebhooks.objects.filter(last_at__lt=now - after).order_by("last_at")


def old_answers(*, now: datetime) -> QuerySet[Any]:
    """Answers to keys that hold no more; they may name guests."""
    return StoredAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT).order_by("created_at")


def delete(rows: QuerySet[Any], progress: Progress = lambda done: None) -> int:
    """Delete rows batch by batch, each a transaction of its own; how many there were."""
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        deleted += rows.model._default_manager.filter(pk__in=ids).delete()[0]
        progress(len(ids))
    return deleted
