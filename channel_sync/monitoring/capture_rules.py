"""What is wrong with captured writes now: they wait for too long, or are not tried again."""

from __future__ import annotations

from collections.abc import Iterator

from channel_sync.capture.backlog import Backlog, backlog
from channel_sync.conf import channel_sync_settings
from channel_sync.models import AlertKind
from channel_sync.monitoring.finding import AT_MOST, Finding

# What names model and error, before the state: the column takes 255.
LONGEST_NAME = 240


def capture_findings() -> Iterator[Finding]:
    """By model and class of error; none while the setting `capture` is off, as nothing is taken.

    What is left has an alert of its own: that of waiting has been sent hours before, and goes on beside it until all
    have become events.
    """
    settings = channel_sync_settings()
    if not settings.capture:
        return
    late = [one for one in backlog() if one.left or one.age > settings.alert_event_waiting]
    # The oldest first: no alert ends because a younger one pushed it out. Each may have two.
    for one in late[: AT_MOST // 2]:
        name = f"{one.model}:{one.error}"[:LONGEST_NAME]
        if one.age > settings.alert_event_waiting:
            yield Finding(AlertKind.CAPTURED_WRITES, _waiting(one), subject=name)
        if one.left:
            yield Finding(AlertKind.CAPTURED_WRITES, _left(one), subject=f"{name}:left")


def _left(late: Backlog) -> str:
    return (
        f"{late.left} captured writes of {late.model} became no events in {late.attempts} attempts and are not "
        f"tried again: {late.error}. The channels do not know of them. The worker's log names the rows; "
        "correct the row or the host's port, then run 'manage.py channel_sync_capture retry'."
    )


def _waiting(late: Backlog) -> str:
    if late.left:
        return (
            f"{late.left + late.waiting} captured writes of {late.model} have become no events: {late.error}. The "
            f"channels do not know of them. {late.left} of them are not tried again, which is an alert of its own: "
            "see 'manage.py channel_sync_capture status'."
        )
    since = f"{late.oldest:%H:%M:%S %Z}"
    if late.error:
        return (
            f"{late.waiting} captured writes of {late.model} have become no events, the oldest of {since}: "
            f"{late.error}. The channels do not know of them. They are tried again by themselves, for about six hours; "
            "the worker's log names the rows: correct the row or the host's port."
        )
    return (
        f"{late.waiting} captured writes of {late.model} wait, the oldest since {since}: nobody takes them. See that "
        "beat and a worker of the periodic queue run; by hand: 'manage.py channel_sync_relay'."
    )
