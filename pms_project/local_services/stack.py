"""The commands and the environment of a whole installation; README.md gives the same commands by hand."""

from __future__ import annotations

import json
from pathlib import Path

from pms_project.local_services.processes import Processes

POOL = "prefork"


def environment(
    *,
    database_url: str,
    broker_url: str,
    simulator_port: int,
    queue_prefix: str,
    options: dict[str, object] | None = None,
) -> dict[str, str]:
    """The variables that every process gets."""
    return {
        "DEBUG": "1",
        "LOG_LEVEL": "INFO",
        "DATABASE_URL": database_url,
        "RABBITMQ_URL": broker_url,
        "BEDS24_BASE_URL": f"http://127.0.0.1:{simulator_port}/v2",
        "QUEUE_PREFIX": queue_prefix,
        "CHANNEL_SYNC_OPTIONS": json.dumps(options or {}),
        "PYTHONUNBUFFERED": "1",
    }


def start_simulator(processes: Processes, port: int, seed: Path | None = None) -> None:
    """Serve the simulated Beds24."""
    seeded = ["--seed", str(seed)] if seed else []
    processes.start("simulator", ["manage.py", "beds24_simulator", "--port", str(port), *seeded])


def start_web(processes: Processes, port: int) -> None:
    """Serve the API, the admin and the webhooks."""
    processes.start(
        "web",
        ["-m", "gunicorn", "pms_project.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"],
    )


def start_worker(processes: Processes, name: str, queues: str, concurrency: int = 2, module: str = "celery") -> None:
    """Consume queues, named without their prefix; `module` is Celery, or a module that runs it."""
    prefix = processes.environment["QUEUE_PREFIX"]
    named = ",".join(f"{prefix}{queue}" for queue in queues.split(","))
    processes.start(
        name,
        [
            "-m", module, "-A", "pms_project", "worker", "--queues", named, "--pool", POOL,
            "--concurrency", str(concurrency), "--hostname", f"{prefix}{name.replace(' ', '-')}@%h",
            "--loglevel", "INFO", "--without-gossip", "--without-mingle",
        ],
    )  # fmt: skip


def start_beat(processes: Processes, state: Path) -> None:
    """Start periodic tasks."""
    processes.start(
        "beat",
        ["-m", "celery", "-A", "pms_project", "beat", "--loglevel", "INFO", "--pidfile", str(state / "beat.pid")],
    )
