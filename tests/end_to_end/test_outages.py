"""RabbitMQ, Beds24 and PostgreSQL stop, one after the other: health says which, each alert comes once and goes once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import AlertKind
from pms_project.local_services import postgres
from pms_project.local_services.rabbitmq import PrivateNode, private_node
from pms_project.local_services.stack import WORKERS, start_simulator, start_watch, start_worker
from tests.end_to_end.installation import Installation, installation
from tests.http_receiver import Receiver, receiving

pytestmark = [pytest.mark.processes, pytest.mark.alone, pytest.mark.timeout(420)]

LIMIT_SECONDS = 2.0
PATIENCE_SECONDS = 60


@pytest.fixture
def node() -> Iterator[PrivateNode]:
    with private_node() as running:
        yield running


@pytest.fixture
def database() -> Iterator[postgres.PrivateServer]:
    with postgres.private_server() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def site(
    node: PrivateNode,
    database: postgres.PrivateServer,
    receiver: Receiver,
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Installation]:
    options: dict[str, Any] = {
        "alert_interval": 1,
        "alert_outage_after": 4,
        "alert_unavailable_after": 4,
        "alert_throttle": 1,
        "alert_channels": ["log", "webhook"],
        "alert_webhook_url": receiver.url,
        "alert_webhook_secret": "secret-of-the-alerts",
        "heartbeat_interval": 1,
        "heartbeat_missed_after": 10,
    }
    with installation(database.url, node.url, tmp_path, **options) as running, django_db_blocker.unblock():
        start_watch(running.processes)
        start_watch_beside(running)
        yield running


def start_watch_beside(site: Installation) -> None:
    """A second one: two of them tell no more than one."""
    site.processes.start("second watch", ["manage.py", "channel_sync_watch"])


def ask(site: Installation, path: str = "/health/channel-sync") -> tuple[int, dict[str, Any]]:
    """The status and body of a health endpoint, which never takes longer than two seconds."""
    with requests.Session() as session:
        session.trust_env = False
        begun = time.monotonic()
        answer = session.get(f"{site.web}{path}", timeout=20)
    took = time.monotonic() - begun
    assert took < LIMIT_SECONDS, f"{path} took {took:.1f} s"
    return answer.status_code, answer.json()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: did not happen within {PATIENCE_SECONDS} s"
        time.sleep(0.2)


def until_well(site: Installation) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := ask(site)[1])["status"] != "healthy":
        assert time.monotonic() < deadline, f"still not well: {found}"
        time.sleep(0.2)


def states(receiver: Receiver, kind: AlertKind) -> list[str]:
    return [told["state"] for told in receiver.told if told["kind"] == kind.value]


def outage(
    site: Installation,
    receiver: Receiver,
    kind: AlertKind,
    *,
    stop: Callable[[], object],
    start: Callable[[], object],
    down: dict[str, Any],
) -> None:
    """Stop something: `down` is what health says then; the alert fires, and resolves when it is back."""
    until_well(site)
    stop()

    def says_so() -> bool:
        code, told = ask(site)
        return code == 503 and down.items() <= told.items()

    until(says_so, f"health says {down}")
    assert ask(site, "/health/live")[0] == 200
    until(lambda: states(receiver, kind) == ["fired"], f"{kind.value} fires")
    start()
    until(lambda: states(receiver, kind) == ["fired", "resolved"], f"{kind.value} resolves")


def test_health_and_alerts_say_what_is_down(
    site: Installation, receiver: Receiver, node: PrivateNode, database: postgres.PrivateServer
) -> None:
    port = urlsplit(site.beds24.address).port or 0
    outage(
        site,
        receiver,
        AlertKind.BROKER_UNREACHABLE,
        stop=node.kill,
        start=node.start,
        down={"rabbitmq": {"connected": False}, "database": {"connected": True}, "beds24_api": {"reachable": True}},
    )
    outage(
        site,
        receiver,
        AlertKind.CHANNEL_UNAVAILABLE,
        stop=lambda: site.processes.stop("simulator"),
        start=lambda: start_simulator(site.processes, port),
        down={"rabbitmq": {"connected": True}, "database": {"connected": True}, "beds24_api": {"reachable": False}},
    )
    outage(
        site,
        receiver,
        AlertKind.DATABASE_UNREACHABLE,
        stop=database.stop,
        start=database.start,
        down={"rabbitmq": {"connected": True}, "database": {"connected": False}, "beds24_api": {"reachable": True}},
    )
    until_well(site)
    site.processes.stop("reconciliation worker")
    until(lambda: states(receiver, AlertKind.WORKER_MISSING)[-1:] == ["fired"], "the missing worker is told")
    start_worker(site.processes, "reconciliation worker", WORKERS["reconciliation worker"])
    until(lambda: states(receiver, AlertKind.WORKER_MISSING)[-1:] == ["resolved"], "and that it is back")

    for kind in (AlertKind.BROKER_UNREACHABLE, AlertKind.CHANNEL_UNAVAILABLE, AlertKind.DATABASE_UNREACHABLE):
        assert states(receiver, kind) == ["fired", "resolved"]
