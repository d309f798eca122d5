"""The bare task: one UPDATE and commit."""

from __future__ import annotations

from django.db import connection

from pms_project.celery import app as app

BARE_TASK = "benchmarks.bare_update"


@app.task(name=BARE_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def bare_update(row: int) -> None:
    """One row."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bench_rows SET touched = touched + 1 WHERE id = %s", [row])
