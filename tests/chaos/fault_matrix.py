"""Faults of brokers, databases, workers and clocks: each breaks an installation that works, and repairs it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from django.db import DatabaseError, connections
from kombu import Connection

from pms_project.local_services.rabbitmq import PrivateNode
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import Reservation
from tests.chaos.crashing_worker_steps import STEPS
from tests.end_to_end.installation import Installation

HOUR = 3600
START = date.today() + timedelta(days=10)
# Enough for every fault's bookings: a full house has nothing to lose.
NIGHTS = 360
TRAFFIC = 4
# Nights from START whose reservations change their price, several in one statement.
REPRICED = 5
INBOUND, OUTBOUND = "beds24.inbound", "pms.outbound"


@dataclass
class SteadyTraffic:
    """Some bookings at the OTA and at the front desk, and a change of prices that sends no signal.

    A desk that gets an error has booked nothing, and changed nothing.
    """

    site: Installation
    night: int = 0
    prices: int = 0

    def __call__(self) -> None:
        for _ in range(TRAFFIC):
            self.night = (self.night + 1) % NIGHTS
            arrival = START + timedelta(days=self.night)
            departure = arrival + timedelta(days=2)
            name = list(self.site.rooms)[self.night % len(self.site.rooms)]
            self.site.beds24.book(roomId=int(self.site.rooms[name]), arrival=str(arrival), departure=str(departure))
            try:
                self.site.pms.reserve(
                    room_type=self.site.room_types[name],
                    check_in=str(arrival),
                    check_out=str(departure),
                    guest={"last_name": "Hopper"},
                )
            except requests.HTTPError as error:
                if error.response.status_code < requests.codes.server_error:
                    raise
        self.prices += 1
        change_prices(START, START + timedelta(days=REPRICED), self.prices)


def change_prices(first: date, last: date, price: int) -> None:
    """Of the desk's reservations of these arrivals, in one statement; a database that refuses has not done it."""
    sold = Reservation.objects.filter(check_in__range=(first, last), channel_reference="")
    try:
        sold.update(price=price)
    except DatabaseError:
        connections["default"].close()


@dataclass
class Broken:
    """An installation under faults: its broker can lose everything, its workers die where they are told to.

    `traffic` makes some bookings, and some changes.
    """

    site: Installation
    node: PrivateNode
    crash_file: Path
    server_url: str
    traffic: Callable[[], None]
    lasts: float

    def stop_workers(self) -> None:
        for name in WORKERS:
            self.site.processes.stop(name)

    def start_workers(self, module: str = "tests.chaos.crashing_worker") -> None:
        for name, queues in WORKERS.items():
            start_worker(self.site.processes, name, queues, module=module)

    def start_beat(self, module: str = "celery") -> None:
        self.site.processes.start("beat", ["-m", module, "-A", "pms_project", "beat", "--pidfile", ""])

    def sql(self, *statements: str, database: str | None = None) -> None:
        """Over a connection of its own, as the administrator; ours is opened anew when it is needed."""
        connections["default"].close()
        url = urlsplit(self.server_url)._replace(path=f"/{database or self.site.database_name}").geturl()
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def cut_connections(self) -> None:
        name = self.site.database_name
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' "
                 "AND pid <> pg_backend_pid()")  # fmt: skip

    def at_broker(self, act: Callable[[Any, str], Any]) -> list[Any]:
        """Do something to both queues of work; what came of it."""
        prefix = self.site.processes.environment["QUEUE_PREFIX"]
        with Connection(self.node.url) as connection:
            return [act(connection.default_channel, f"{prefix}{queue}") for queue in (INBOUND, OUTBOUND)]

    def wait_for_messages(self) -> None:
        """Until the broker has something to lose."""
        deadline = time.monotonic() + 30
        while not all(self.at_broker(lambda channel, queue: channel.queue_declare(queue, passive=True).message_count)):
            assert time.monotonic() < deadline, "no messages came to the queues"
            self.traffic()
            time.sleep(0.5)


Fault = Callable[[Broken], None]


def queue_purged(broken: Broken) -> None:
    _without_workers(broken, lambda: broken.at_broker(lambda channel, queue: channel.queue_purge(queue)))


def queue_deleted(broken: Broken) -> None:
    def delete() -> None:
        broken.at_broker(lambda channel, queue: channel.queue_delete(queue))
        broken.site.processes.run("channel_sync_topology")

    _without_workers(broken, delete)


def broker_wiped(broken: Broken) -> None:
    def wipe() -> None:
        broken.node.stop()
        shutil.rmtree(broken.node.data)
        broken.node.start()
        broken.site.processes.run("channel_sync_topology")

    _without_workers(broken, wipe)


def broker_killed(broken: Broken) -> None:
    broken.traffic()
    broken.node.kill()
    broken.traffic()
    broken.node.start()


def _without_workers(broken: Broken, lose: Callable[[], None]) -> None:
    """Messages wait, are lost after their confirm, and then the workers come back."""
    broken.stop_workers()
    broken.traffic()
    broken.wait_for_messages()
    lose()
    broken.start_workers()


def database_read_only(broken: Broken) -> None:
    name = broken.site.database_name
    broken.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        broken.cut_connections()
        broken.traffic()
        time.sleep(broken.lasts)
    finally:
        broken.sql(
            "SET default_transaction_read_only = off",
            f'ALTER DATABASE "{name}" RESET default_transaction_read_only',
        )
        broken.cut_connections()


def column_renamed(broken: Broken) -> None:
    broken.sql("ALTER TABLE channel_events RENAME COLUMN attempts TO attempts_of_later")
    try:
        broken.traffic()
        time.sleep(broken.lasts)
    finally:
        broken.sql("ALTER TABLE channel_events RENAME COLUMN attempts_of_later TO attempts")


def connections_cut(broken: Broken) -> None:
    for _ in range(3):
        broken.traffic()
        broken.cut_connections()


def worker_killed(broken: Broken) -> None:
    for name in WORKERS:
        broken.traffic()
        broken.site.processes.stop(name, SIGKILL)
    broken.start_workers()


def killed_at(step: str) -> Fault:
    def kill(broken: Broken) -> None:
        # Several that wait together: some steps come only then.
        broken.stop_workers()
        broken.traffic()
        broken.crash_file.write_text(step)
        broken.start_workers()
        deadline = time.monotonic() + 60
        while broken.crash_file.exists():
            assert time.monotonic() < deadline, f"no worker came to {step}"
            broken.traffic()
            time.sleep(0.5)

    return kill


def worker_clock(ahead: int) -> Fault:
    """The workers stay as they are: what came of it has to be settled by those whose clock is off."""

    def skew(broken: Broken) -> None:
        broken.stop_workers()
        with _clock(broken, ahead):
            broken.start_workers(module="tests.chaos.skewed_clock")
        broken.traffic()

    return skew


def beat_clock(ahead: int) -> Fault:
    def skew(broken: Broken) -> None:
        broken.site.processes.stop("beat")
        with _clock(broken, ahead):
            broken.start_beat(module="tests.chaos.skewed_clock")
        time.sleep(broken.lasts)
        broken.site.processes.stop("beat")
        broken.start_beat()
        # Lost, so that only the relay helps, which beat has last started in the future.
        queue_purged(broken)

    return skew


@contextmanager
def _clock(broken: Broken, ahead: int) -> Iterator[None]:
    environment = broken.site.processes.environment
    environment["CLOCK_AHEAD"] = str(ahead)
    try:
        yield
    finally:
        del environment["CLOCK_AHEAD"]


FEW: dict[str, Fault] = {
    "queues purged": queue_purged,
    "database read-only": database_read_only,
    "column renamed": column_renamed,
    "connections cut": connections_cut,
    "workers' clocks +1 h": worker_clock(HOUR),
}
ALL: dict[str, Fault] = {
    **FEW,
    "queues deleted": queue_deleted,
    "broker's data wiped": broker_wiped,
    "broker killed": broker_killed,
    "workers killed": worker_killed,
    **{f"worker killed {step.replace('_', ' ')}": killed_at(step) for step in STEPS},
    "workers' clocks -1 h": worker_clock(-HOUR),
    "beat's clock +5 min": beat_clock(300),
}
