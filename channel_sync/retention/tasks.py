"""The periodic task of redaction and retention."""

from __future__ import annotations

from celery import shared_task

from channel_sync.broker.celery_options import RETENTION_TASK
from channel_sync.database_clock import database_now
from channel_sync.retention.run import run_retention


@shared_task(name=RETENTION_TASK, ignore_result=True)
def retention() -> None:
    """Beat starts it once a day."""
    run_retention(now=database_now())
