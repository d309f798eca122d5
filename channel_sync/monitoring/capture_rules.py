"""What is wrong with captured writes now: they wait for too long, or are not tried again."""

from __future__ import annotations

from collections.abc import Iterator

from channel_sync.capture.backlog import Backlog, backlog
from channel_sync.conf import channel_sync_settings
from channel_sync.models import AlertKind
from channel_sync.monitoring.finding import AT_MOST, Finding

LONGEST_SUBJECT = 255


def capture_findings() -> Iterator[Finding]:
    """One finding for each model and class of error; none while the setting `capture` is off, as nothing is taken."""
    settings = channel_sync_settings()
    if not settings.capture:
        return
    # The oldest first: no alert ends because a younger one pushed it out.
    late = [
        one
        for one in backlog()
        if one.left or (one.waited_for is not None and one.waited_for > settings.alert_event_waiting)
    ]
    for one in late[:AT_MOST]:
        yield Finding(AlertKind.CAPTURED_WRITES, _message(one), subject=f"{one.model}:{one.error}"[:LONGEST_SUBJECT])


def _message(late: Backlog) -> str:
    if late.left:
        waiting = f" ({late.waiting} more wait for their next attempt)" if late.waiting else ""
        return (
            f"{late.left} captured writes of {late.model} became no events in {late.attempts} attempts and are not "
            f"tried again{waiting}: {late.error}. The channels do not know of them. The worker's log names the rows; "
            "correct the row or the host's port, then run 'manage.py channel_sync_capture retry'."
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
