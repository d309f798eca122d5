"""While beat is silent, workers start its tasks: nothing stands still for want of one process, or of its clock.

Those that keep the flows going: comparisons and retention wait for beat, which is an alert.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from celery.signals import heartbeat_sent
from django.db import DatabaseError, InterfaceError, connection

from channel_sync.broker.broker_errors import BROKER_ERRORS
from channel_sync.broker.celery_options import CHANGES_TASK, RELAY_TASK, RESUME_RUNS_TASK
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.heartbeats import is_beat_alive
from channel_sync.inventory.tasks import EXPIRE_HOLDS_TASK

logger = logging.getLogger(__name__)

SELDOM_SECONDS = 5.0
# The relay says whether beat has started it: that is how beat is known to be alive.
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {RELAY_TASK: {"by_beat": False}}

_looked_at = float("-inf")
_started_at: dict[str, float] = {}


def follow_beat() -> None:
    """Connect the receiver; called once, when the apps are ready and before a worker starts."""
    heartbeat_sent.connect(_worker_is_alive, dispatch_uid="channel_sync.without_beat", weak=False)


def _worker_is_alive(**_: object) -> None:
    """Runs in the worker's main process, which forks: it keeps no connection open that a child could inherit."""
    global _looked_at
    pause = max(SELDOM_SECONDS, channel_sync_settings().relay_interval.total_seconds())
    if time.monotonic() - _looked_at < pause:
        return
    _looked_at = time.monotonic()
    try:
        if not is_beat_alive():
            start_due()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("whether beat is alive could not be read: %s", type(error).__name__)
    finally:
        connection.close()


def start_due() -> None:
    """Have a worker of the periodic queue run each task that this process has not started for the task's interval."""
    for task, interval in _intervals().items():
        if time.monotonic() - _started_at.get(task, float("-inf")) >= interval.total_seconds():
            _started_at[task] = time.monotonic()
            _start(task)


def _intervals() -> dict[str, timedelta]:
    settings = channel_sync_settings()
    return {
        RELAY_TASK: settings.relay_interval,
        CHANGES_TASK: settings.relay_interval,
        EXPIRE_HOLDS_TASK: settings.reaper_interval,
        RESUME_RUNS_TASK: settings.resume_interval,
    }


def _start(task: str) -> None:
    try:
        current_app.tasks[task].apply_async(
            kwargs=dict(ARGUMENTS.get(task, {})), queue=topology().periodic.name, retry=False, ignore_result=True
        )
    except BROKER_ERRORS as error:
        logger.warning("the task %s could not be started: %s", task, type(error).__name__)
