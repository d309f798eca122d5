"""Clients and web processes before and behind the proxy of the compose file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.db import connection
from requests.adapters import HTTPAdapter

from channel_sync.models import ChannelProperty
from pms_project.local_services import postgres
from pms_project.local_services.nginx import PUBLIC_HOST, FrontDoor
from pms_project.local_services.ports import accepts, free_port, wait_until
from pms_project.local_services.processes import Processes
from pms_project.local_services.stack import environment, start_stream, start_web
from tests.beds24_webhooks import webhook
from tests.factories import WEBHOOK_SECRET

CHANNEL_ADDRESS = "127.0.0.9"
# What compose gives the processes behind the proxy.
BEHIND = {"TRUSTED_PROXIES": "1", "SECURE_SSL_REDIRECT": "1"}

numbers = count(7_000_001)


class _From(HTTPAdapter):
    """Connect from an address of the loopback network."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), assert_hostname=PUBLIC_HOST, **options)


@contextmanager
def asking(door: FrontDoor, address: str = CHANNEL_ADDRESS) -> Iterator[requests.Session]:
    """A client of the proxy; every request may be sent to `https://127.0.0.1:<port>`."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(door.certificate)
        session.headers["Host"] = PUBLIC_HOST
        session.mount("https://", _From(address))
        yield session


@contextmanager
def web_process(directory: Path, **variables: str) -> Iterator[int]:
    """The port of a web process with the settings of production, on the tests' database."""
    port = free_port()
    with Processes(_production(**variables), directory) as processes:
        start_web(processes, port)
        wait_until(lambda: _is_started(port), "The start of both workers of the web process", 90)
        processes.require_alive()
        yield port


@contextmanager
def stream_process(directory: Path, **variables: str) -> Iterator[int]:
    """The port of a process that serves the feed's stream, likewise."""
    port = free_port()
    with Processes(_production(**variables), directory) as processes:
        start_stream(processes, port)
        wait_until(lambda: accepts("127.0.0.1", port), "The start of the stream's process", 90)
        processes.require_alive()
        yield port


def _production(**variables: str) -> dict[str, str]:
    """The environment of a process with the settings of production, on the tests' database."""
    found = environment(
        database_url=postgres.with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        broker_url=settings.CELERY_BROKER_URL,
        simulator_port=1,
        queue_prefix=settings.CHANNEL_SYNC["queue_prefix"],
    )
    found |= {
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "pms_project.settings",
        "ALLOWED_HOSTS": f"{PUBLIC_HOST},127.0.0.1",
    }
    return {**found, **variables}


def _is_started(port: int) -> bool:
    """Whether the workers answer: the port is open before they have loaded the application."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answers = [
                session.get(f"http://127.0.0.1:{port}/health/live", headers={"Connection": "close"}, timeout=1)
                for _ in range(6)
            ]
    except requests.RequestException:
        return False
    return all(answer.status_code == 200 for answer in answers)


def _body(channel_property: ChannelProperty) -> dict[str, Any]:
    found = webhook(id=next(numbers))
    found["booking"]["propertyId"] = channel_property.channel_property_id
    return found


def send_webhook(session: requests.Session, url: str, channel_property: ChannelProperty) -> float:
    """Seconds until it was taken."""
    started = time.monotonic()
    answer = session.post(
        f"{url}/webhooks/beds24/",
        json=_body(channel_property),
        headers={"X-Channel-Sync-Secret": WEBHOOK_SECRET},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return time.monotonic() - started
