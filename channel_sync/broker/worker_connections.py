"""Workers keep their database connections from task to task, as web processes do from request to request.

Celery opens a new one for every task, which costs more than the task, unless the host's settings have
`CELERY_DB_REUSE_MAX`, which keeps it whatever becomes of it. With this, the rules of the host's database hold.
"""

from __future__ import annotations

from typing import Any

from celery.signals import task_prerun
from django.db import close_old_connections


def follow_tasks() -> None:
    """Connect the receiver; called once, when the apps are ready."""
    task_prerun.connect(_before_task, dispatch_uid="channel_sync.worker_connections", weak=False)


def _before_task(task: Any, **_: object) -> None:
    """`CONN_MAX_AGE` and `CONN_HEALTH_CHECKS` hold for tasks too; one in the caller's process is in its transaction."""
    if not task.request.is_eager:
        close_old_connections()
