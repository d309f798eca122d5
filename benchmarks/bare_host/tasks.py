"""The bare task: one UPDATE and commit."""

from __future__ import annotations

from django.db import connection

from pms_project.celery import app as app

BARE_TASK = "benchmarks.bare_update"
ROWS = 1000


@app.task(name=BARE_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def bare_update(message_id: str, event_type: str, correlation_id: str) -> None:
    """One row of a thousand: two processes seldom wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bench_rows SET touched = touched + 1 WHERE id = %s", [1 + int(message_id[:6], 16) % ROWS]
        )
