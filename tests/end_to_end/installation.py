"""A whole installation for a test: its own database, real web, worker, beat and simulator processes."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from django.conf import settings
from django.db import connections
from django.test import override_settings
from kombu import Connection

from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from channel_sync.models import OPEN_STATUSES, ChannelEvent, ChannelProperty, EventStatus
from pms_project.demo.broker import delete_topology
from pms_project.demo.parties import PmsApi, SimulatedBeds24
from pms_project.local_services import postgres
from pms_project.local_services.ports import free_port
from pms_project.local_services.processes import Processes
from pms_project.local_services.stack import connect, demo_hotel, environment, start_all
from tests.end_to_end.migrated_databases import migrated_databases

LOGIN = "clerk"
UNITS = 500
METRICS_TOKEN = "scrape"
SELDOM = 10_000_000  # No reconciliation falls into a test that counts calls, or mends what it looks for.
OPTIONS: dict[str, object] = {
    "relay_interval": 1,
    "resume_interval": 2,
    "relay_grace": 2,
    "publish_pause": 0.2,
    "metrics_token": METRICS_TOKEN,
    "api_write_rate": None,  # One login plays a whole front desk.
    "reconcile_bookings_interval": SELDOM,
    "reconcile_availability_interval": SELDOM,
    "reconcile_rates_interval": SELDOM,
}


@dataclass
class Installation:
    """The processes of one property, and both sides of it."""

    processes: Processes
    web: str
    pms: PmsApi
    beds24: SimulatedBeds24
    room_types: dict[str, str]
    rooms: dict[str, str]
    webhook_secret: str
    database_name: str
    broker_url: str

    @property
    def channel_property(self) -> ChannelProperty:
        return ChannelProperty.objects.get()

    def dead_letters(self, queue: str = "beds24.dlq") -> int:
        """The depth of a dead-letter queue."""
        name = f"{self.processes.environment['QUEUE_PREFIX']}{queue}"
        with Connection(self.broker_url) as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare(name, passive=True).message_count)

    def send_webhook(self, body: dict[str, Any]) -> int:
        """Post a webhook as Beds24 does; its status."""
        headers = {"X-Channel-Sync-Secret": self.webhook_secret}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{self.web}/webhooks/beds24/", json=body, headers=headers, timeout=20).status_code

    def eventually(self, condition: Callable[[], bool], what: str, seconds: float = 30, *, pause: float = 0.1) -> None:
        """Wait for something to come true; fails with the log of the events that are not done.

        A longer `pause` leaves the processors to the product, where looking is dear.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            self.processes.require_alive()
            if time.monotonic() > deadline:
                events = ChannelEvent.objects.exclude(status=EventStatus.DONE)
                log = [f"{event} {event.status} {event.last_error}" for event in events[:20]]
                raise AssertionError("\n".join([f"{what}: did not happen within {seconds} s; not done:", *log]))
            time.sleep(pause)

    def settle(self, seconds: float = 30) -> None:
        """Wait until no event is under way and no webhook is on its way."""

        def settled() -> bool:
            if self.beds24.state()["webhooks_pending"]:
                return False
            return not ChannelEvent.objects.filter(status__in=OPEN_STATUSES).exists()

        self.eventually(settled, "every event is settled", seconds)


@contextmanager
def installation(
    server_url: str,
    broker_url: str,
    directory: Path,
    *,
    credit_limit: int = 100,
    window_seconds: int = 300,
    more_rooms: int = 0,
    **options: object,
) -> Iterator[Installation]:
    """Start everything, connect the demo hotel; everything is gone in the end."""
    seed = directory / "seed.json"
    account = copy.deepcopy(DEFAULT_SEED["accounts"][0]) | {
        "credit_limit": credit_limit,
        "window_seconds": window_seconds,
    }
    more = [
        {"id": 2101 + number, "name": f"Type {number}", "qty": UNITS, "fixed_price": 100}
        for number in range(more_rooms)
    ]
    account["properties"][0]["rooms"] += more
    seed.write_text(json.dumps({"accounts": [account]}))
    prefix = f"e2e-{uuid4().hex[:8]}."
    web_port, simulator_port = free_port(), free_port()
    with ExitStack() as stack:
        database_url = stack.enter_context(postgres.database(server_url, template=migrated_databases.on(server_url)))
        stack.callback(delete_topology, broker_url, prefix)
        variables = environment(
            database_url=database_url,
            broker_url=broker_url,
            simulator_port=simulator_port,
            queue_prefix=prefix,
            options=OPTIONS | options,
        )
        processes = stack.enter_context(Processes(variables, directory))
        processes.environment["DJANGO_SETTINGS_MODULE"] = "pms_project.settings"
        processes.environment["WEB_THREADS"] = "4"  # several installations share the connections of one PostgreSQL
        counted = directory / "metrics"
        counted.mkdir()
        processes.environment["PROMETHEUS_MULTIPROC_DIR"] = str(counted)
        hotel = start_all(
            processes,
            directory,
            hotel_command=demo_hotel(LOGIN, LOGIN),
            web_port=web_port,
            simulator_port=simulator_port,
            seed=seed,
            is_migrated=True,
        )
        yield _connected(processes, hotel, web_port, simulator_port, database_url, broker_url)


def _connected(
    processes: Processes, hotel: dict[str, Any], web_port: int, simulator_port: int, database_url: str, broker_url: str
) -> Installation:
    web = f"http://127.0.0.1:{web_port}"
    beds24 = SimulatedBeds24(f"http://127.0.0.1:{simulator_port}")
    connected = connect(processes, hotel["property"], web)
    secret = connected["webhook_secret"]
    beds24.set_webhook("1001", connected["webhook_url"], {connected["webhook_header"]: secret})
    rooms = {suggestion["room_type"]: suggestion["room"] for suggestion in connected["suggestions"]}
    return Installation(
        processes=processes,
        web=web,
        pms=PmsApi(web, LOGIN, LOGIN),
        beds24=beds24,
        room_types=hotel["room_types"],
        rooms={name: rooms[room_type] for name, room_type in hotel["room_types"].items()},
        webhook_secret=secret,
        database_name=urlsplit(database_url).path.removeprefix("/"),
        broker_url=broker_url,
    )


@contextmanager
def models_of(site: Installation) -> Iterator[None]:
    """Let the models of this process work in the installation's database, and publish to its queues."""
    connection = connections["default"]
    own = connection.settings_dict["NAME"]
    prefix = site.processes.environment["QUEUE_PREFIX"]
    connection.close()
    connection.settings_dict["NAME"] = site.database_name
    try:
        with override_settings(CHANNEL_SYNC={**settings.CHANNEL_SYNC, "queue_prefix": prefix}):
            yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        if site.broker_url != settings.CELERY_BROKER_URL:
            # What this process published went to its own broker, which made an exchange for it.
            delete_topology(settings.CELERY_BROKER_URL, prefix)
