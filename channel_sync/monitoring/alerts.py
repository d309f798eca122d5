"""Alerts from their beginning to their end: opened once, told once in each way, resolved once.

The watch that holds the lock is the only one that calls this; the database keeps what was told, so that a new watch
goes on where the last one died. Telling comes before noting it: a watch that dies between the two tells twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from channel_sync.conf import channel_sync_settings
from channel_sync.models import Alert
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.notices import Notice, tell

# What could not be told for so long is not news any more.
TOLD_WITHIN = timedelta(days=1)


def follow(found: Iterable[Finding], *, now: datetime) -> None:
    """Open what is new, resolve what is gone, and tell both to whom it was not told yet."""
    current = {(finding.kind.value, finding.subject): finding for finding in found}
    known = {(alert.kind, alert.subject): alert for alert in Alert.objects.filter(resolved_at=None)}
    for key, finding in current.items():
        if key not in known:
            _open(finding, now)
        elif known[key].message != finding.message:
            Alert.objects.filter(id=known[key].id).update(message=finding.message, updated_at=now)
    gone = [alert.id for key, alert in known.items() if key not in current]
    if gone:
        Alert.objects.filter(id__in=gone).update(resolved_at=now, updated_at=now)
    _tell(now)


def _open(finding: Finding, now: datetime) -> None:
    """A new alert; one of the same that was told of late puts off when it is told, not that it is kept."""
    throttle = channel_sync_settings().alert_throttle
    same = Alert.objects.filter(kind=finding.kind, subject=finding.subject, resolved_at__gt=now - throttle)
    last = same.exclude(fired_to=[]).order_by("-resolved_at").first()
    notify_at = now + finding.lasts
    if last is not None and last.resolved_at is not None:
        notify_at = max(notify_at, last.resolved_at + throttle)
    Alert.objects.create(
        kind=finding.kind,
        subject=finding.subject,
        message=finding.message,
        channel_property=finding.channel_property,
        notify_at=notify_at,
        created_at=now,
    )


def _tell(now: datetime) -> None:
    """Tell what is due; settle what is told to everybody, or was over before it was worth telling."""
    ways = channel_sync_settings().alert_channels
    due = Alert.objects.filter(settled=False).filter(Q(notify_at__lte=now) | Q(resolved_at__isnull=False))
    for alert in due.order_by("created_at"):
        if alert.resolved_at is not None and not alert.fired_to and _was_short(alert):
            _settle(alert, now)
            continue
        alert.fired_to += tell(_notice(alert, now, resolved=False), [way for way in ways if way not in alert.fired_to])
        if alert.resolved_at is not None:
            missing = [way for way in ways if way not in alert.resolved_to]
            alert.resolved_to += tell(_notice(alert, now, resolved=True), missing)
        Alert.objects.filter(id=alert.id).update(fired_to=alert.fired_to, resolved_to=alert.resolved_to, updated_at=now)
        is_told = set(ways) <= set(alert.resolved_to)
        if alert.resolved_at is not None and (is_told or alert.resolved_at < now - TOLD_WITHIN):
            _settle(alert, now)


def _was_short(alert: Alert) -> bool:
    return alert.notify_at is None or alert.resolved_at is None or alert.resolved_at < alert.notify_at


def _settle(alert: Alert, now: datetime) -> None:
    Alert.objects.filter(id=alert.id).update(settled=True, updated_at=now)


def _notice(alert: Alert, now: datetime, *, resolved: bool) -> Notice:
    return Notice(
        alert_id=str(alert.id),
        kind=alert.kind,
        subject=alert.subject,
        message=alert.message,
        began_at=alert.created_at or now,
        resolved_at=alert.resolved_at if resolved else None,
    )
