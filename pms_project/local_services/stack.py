"""The commands and the environment of a whole installation; README.md gives the same commands by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pms_project.local_services.ports import accepts, wait_until
from pms_project.local_services.processes import Processes

POOL = "prefork"
PROJECT = "pms_project"
INVITE_CODE = "DEMO-INVITE-CODE"
START_SECONDS = 60
# That of the settings with DEBUG: a shell beside the demo, and the tests, read the same secrets.
DEVELOPMENT_KEY = "only-for-development"
WORKERS = {
    "inbound worker": "beds24.inbound,channel_sync.periodic",
    "outbound worker": "pms.outbound,channel_sync.periodic",
    "reconciliation worker": "channel_sync.reconciliation",
}


def environment(
    *,
    database_url: str,
    broker_url: str,
    simulator_port: int,
    queue_prefix: str,
    options: dict[str, object] | None = None,
) -> dict[str, str]:
    """The variables that every process gets: those of production, but for keys anybody may know, and without TLS."""
    return {
        "SECRET_KEY": DEVELOPMENT_KEY,
        "SALT_KEY": DEVELOPMENT_KEY,
        "SECURE_COOKIES": "0",
        "SECURE_SSL_REDIRECT": "0",
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


def start_web(processes: Processes, port: int, project: str = PROJECT) -> None:
    """Serve the API, the admin and the webhooks."""
    settings = ["--config", "pms_project/gunicorn.py", "--bind", f"127.0.0.1:{port}"]
    processes.start("web", ["-m", "gunicorn", f"{project}.wsgi", *settings])


def start_stream(processes: Processes, port: int, project: str = PROJECT) -> None:
    """Serve the feed as a stream, by ASGI."""
    options = ["--port", str(port), "--no-proxy-headers", "--timeout-graceful-shutdown", "5", "--no-access-log"]
    processes.start("stream", ["-m", "uvicorn", f"{project}.asgi:application", *options])


def start_worker(
    processes: Processes,
    name: str,
    queues: str,
    *,
    concurrency: int = 2,
    module: str = "celery",
    project: str = PROJECT,
) -> int:
    """Consume queues, named without their prefix; `module` is Celery, or one that runs it. Returns its process id."""
    prefix = processes.environment["QUEUE_PREFIX"]
    named = ",".join(f"{prefix}{queue}" for queue in queues.split(","))
    started = processes.start(
        name,
        [
            "-m", module, "-A", project, "worker", "--queues", named, "--pool", POOL,
            "--concurrency", str(concurrency), "--hostname", f"{prefix}{name.replace(' ', '-')}@%h",
            "--loglevel", "INFO", "--without-gossip", "--without-mingle",
        ],
    )  # fmt: skip
    return started.pid


def start_beat(processes: Processes, state: Path, project: str = PROJECT) -> None:
    """Start periodic tasks."""
    processes.start(
        "beat",
        ["-m", "celery", "-A", project, "beat", "--loglevel", "INFO", "--pidfile", str(state / "beat.pid")],
    )


def start_watch(processes: Processes) -> None:
    """Look at everything and tell alerts."""
    processes.start("watch", ["manage.py", "channel_sync_watch"])


def demo_hotel(login: str, password: str | None = None) -> list[str]:
    """The command that makes the demo hotel and a login; without a password it makes one up and prints it."""
    chosen = ["--password", password] if password else []
    return ["pms_demo_data", "--login", login, *chosen, "--force"]


def migrate(processes: Processes) -> None:
    """Make the tables."""
    processes.run("migrate", "--verbosity", "0")


def start_all(
    processes: Processes,
    state: Path,
    *,
    hotel_command: Sequence[str],
    web_port: int,
    simulator_port: int,
    seed: Path | None = None,
    project: str = PROJECT,
    is_migrated: bool = False,
) -> dict[str, Any]:
    """Prepare the database and the broker, start every process and wait for it; what the hotel's command prints."""
    if not is_migrated:
        migrate(processes)
    hotel: dict[str, Any] = json.loads(processes.run(*hotel_command))
    processes.run("channel_sync_topology")
    start_simulator(processes, simulator_port, seed)
    start_web(processes, web_port, project)
    for name, queues in WORKERS.items():
        start_worker(processes, name, queues, project=project)
    start_beat(processes, state, project)
    for name, port in (("simulator", simulator_port), ("web", web_port)):
        wait_until(lambda port=port: accepts("127.0.0.1", port), f"The start of the {name}", START_SECONDS)  # type: ignore[misc]
    processes.require_alive()
    return hotel


def connect(processes: Processes, property_id: str, web: str) -> dict[str, Any]:
    """Connect a property to the simulator, set its webhook, save the suggested mappings; what the command prints."""
    output = processes.run(
        "channel_sync_connect", property_id, "--invite-code", INVITE_CODE,
        "--base-url", web, "--set-webhook", "--accept-suggestions", "--go-live", "link_and_send", "--json",
    )  # fmt: skip
    connected: dict[str, Any] = json.loads(output)
    return connected
