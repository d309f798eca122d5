"""How the host's Celery app has to be set up to work the queues."""

from __future__ import annotations

from typing import Any

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.inventory.tasks import EXPIRE_HOLDS_TASK

RELAY_TASK = "channel_sync.relay"
RESUME_RUNS_TASK = "channel_sync.resume_runs"
CHANGES_TASK = "channel_sync.changes"
RETENTION_TASK = "channel_sync.retention"
SUBSCRIPTIONS_TASK = "channel_sync.subscriptions"


def celery_options() -> dict[str, Any]:
    """Options for `app.conf.update(...)`: queues as the topology has them, prefetch, beat schedule.

    Messages are acknowledged late by our tasks themselves; tasks of the host keep their own way.
    """
    settings = channel_sync_settings()
    wanted = topology()
    return {
        "task_queues": wanted.worked_queues(),
        "task_create_missing_queues": True,
        "worker_prefetch_multiplier": settings.worker_prefetch,
        "broker_connection_retry_on_startup": True,
        "beat_schedule": {
            "channel_sync relay": {
                "task": RELAY_TASK,
                "schedule": settings.relay_interval,
                "options": {"queue": wanted.periodic.name},
            },
            "channel_sync changes": {
                "task": CHANGES_TASK,
                "schedule": settings.relay_interval,
                "options": {"queue": wanted.periodic.name},
            },
            "channel_sync expire holds": {
                "task": EXPIRE_HOLDS_TASK,
                "schedule": settings.reaper_interval,
                "options": {"queue": wanted.periodic.name},
            },
            "channel_sync resume runs": {
                "task": RESUME_RUNS_TASK,
                "schedule": settings.resume_interval,
                "options": {"queue": wanted.periodic.name},
            },
            "channel_sync subscriptions": {
                "task": SUBSCRIPTIONS_TASK,
                "schedule": settings.subscription_interval,
                "options": {"queue": wanted.periodic.name},
            },
            "channel_sync retention": {
                "task": RETENTION_TASK,
                "schedule": settings.retention_interval,
                "options": {"queue": wanted.reconciliation.name},
            },
        },
    }
