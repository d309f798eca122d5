"""While beat is silent, workers start the relay: nothing stands still for want of one process, or of its clock."""

from __future__ import annotations

import logging
import time

from celery import current_app
from celery.signals import heartbeat_sent
from django.db import DatabaseError, InterfaceError, connection
from kombu.exceptions import OperationalError

from channel_sync.broker.celery_options import RELAY_TASK
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.heartbeats import is_beat_alive

logger = logging.getLogger(__name__)

SELDOM_SECONDS = 5.0

_looked_at = float("-inf")


def follow_beat() -> None:
    """Connect the receiver; called once, when the apps are ready and before a worker starts."""
    heartbeat_sent.connect(_worker_is_alive, dispatch_uid="channel_sync.relay_without_beat", weak=False)


def _worker_is_alive(**_: object) -> None:
    """Runs in the worker's main process, which forks: it keeps no connection open that a child could inherit."""
    global _looked_at
    pause = max(SELDOM_SECONDS, channel_sync_settings().relay_interval.total_seconds())
    if time.monotonic() - _looked_at < pause:
        return
    _looked_at = time.monotonic()
    try:
        if not is_beat_alive():
            start_relay()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("whether beat is alive could not be read: %s", type(error).__name__)
    finally:
        connection.close()


def start_relay() -> None:
    """Have a worker of the periodic queue run the relay once."""
    try:
        current_app.tasks[RELAY_TASK].apply_async(
            kwargs={"by_beat": False}, queue=topology().periodic.name, retry=False, ignore_result=True
        )
    except (OSError, OperationalError) as error:
        logger.warning("the relay could not be started: %s", type(error).__name__)
