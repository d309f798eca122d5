"""Our processes beside a benchmark, with the settings of production."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from pms_project.demo.broker import delete_topology
from pms_project.local_services.processes import Processes


@contextmanager
def benchmark_processes(**options: str) -> Iterator[Processes]:
    """Processes on the benchmark's database and queues; both stop, and the queues go, in the end."""
    call_command("channel_sync_topology", verbosity=0)
    variables = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.bare_host.settings",
        "DEBUG": "0",
        "SECRET_KEY": settings.SECRET_KEY,
        "SALT_KEY": "only-for-development",
        "SECURE_SSL_REDIRECT": "0",
        "LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
        **options,
    }
    with tempfile.TemporaryDirectory(prefix="channel_sync_bench_") as directory:
        try:
            with Processes(variables, Path(directory)) as processes:
                yield processes
                processes.require_alive()
        finally:
            delete_topology(os.environ["RABBITMQ_URL"], os.environ["QUEUE_PREFIX"])


@contextmanager
def bench_rows(number: int = 1000) -> Iterator[None]:
    """The table that the bare references write."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_rows (id bigserial PRIMARY KEY, body text, touched integer NOT NULL DEFAULT 0)"
        )
        cursor.execute("INSERT INTO bench_rows (body) SELECT '' FROM generate_series(1, %s)", [number])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE bench_rows")
