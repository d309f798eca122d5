"""Webhooks per second and their p99, against a bare view that inserts one row and commits.

Both are answered by the same gunicorn, behind the same middleware, in turns; a webhook is verified, stored, published
to RabbitMQ and answered. Eight connections that stay open post as fast as they are answered.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from statistics import median, quantiles
from typing import Any

from benchmarks.processes import bench_rows, benchmark_processes
from benchmarks.reconciliation import demo_hotel
from channel_sync.models import ChannelAccount, ChannelConnection, ChannelEvent, ChannelProperty
from pms_project.local_services.ports import accepts, free_port, wait_until
from pms_project.local_services.stack import start_web

CONNECTIONS = 8
REQUESTS = 800
ROUNDS = 7
RATE_TARGET = 0.7
P99_TARGET = 3.0
SECRET = "benchmark-secret"

_numbers = count(1)


@dataclass
class Side:
    """What one side did in each round."""

    path: str
    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)


def run() -> bool:
    """Print both; true when both targets are met."""
    hotel = demo_hotel()
    connect_without_channel(hotel["property"])
    ours, bare = Side("/webhooks/beds24/"), Side("/bare/")
    with bench_rows(), benchmark_processes() as processes:
        port = free_port()
        start_web(processes, port, "benchmarks.bare_host")
        wait_until(lambda: accepts("127.0.0.1", port), "The start of the web process", 60)
        for number in range(ROUNDS + 1):
            for side in (ours, bare):
                rate, p99 = load(port, side.path)
                if number:
                    side.rates.append(rate)
                    side.p99s.append(p99)
    stored = ChannelEvent.objects.count()
    if stored != (ROUNDS + 1) * REQUESTS:
        raise AssertionError(f"{stored} events are stored")
    rate = median(one / other for one, other in zip(ours.rates, bare.rates, strict=True))
    p99 = median(one / other for one, other in zip(ours.p99s, bare.p99s, strict=True))
    print(
        f"{median(ours.rates):,.0f} webhooks/s, {median(bare.rates):,.0f} bare requests/s: {rate:.2f} of the reference"
    )
    print(f"p99 {median(ours.p99s):.1f} ms, bare {median(bare.p99s):.1f} ms: {p99:.2f} times the reference")
    return rate >= RATE_TARGET and p99 < P99_TARGET


def connect_without_channel(property_id: str) -> ChannelProperty:
    """A property with a webhook secret; no channel is ever called."""
    channel_property: ChannelProperty = ChannelProperty.objects.create(
        property_id=property_id, channel_name="beds24", channel_property_id="1001"
    )
    account = ChannelAccount.objects.create(channel_name="beds24", external_id="1", refresh_token="none")
    ChannelConnection.objects.create(channel_property=channel_property, account=account, webhook_secret=SECRET)
    return channel_property


def booking_body(number: int, **changes: Any) -> dict[str, Any]:
    """A webhook of a booking of its own."""
    stamp = "2026-11-01T10:00:00Z"
    return {
        "timeStamp": stamp,
        "booking": {
            "id": 6_000_000 + number, "propertyId": 1001, "roomId": 2001, "unitId": 1, "roomQty": 1, "status": "new",
            "arrival": "2027-03-01", "departure": "2027-03-03", "numAdult": 2, "numChild": 0, "firstName": "Ada",
            "lastName": "Lovelace", "email": "ada@example.org", "phone": "", "channel": "booking",
            "apiReference": f"BDC-{number}", "price": 240, "bookingTime": stamp, "modifiedTime": stamp, **changes,
        },
        "infoItems": [], "invoiceItems": [], "messages": [], "retries": 0,
    }  # fmt: skip


def load(port: int, path: str) -> tuple[float, float]:
    """Requests per second, and the p99 in milliseconds."""
    share = REQUESTS // CONNECTIONS
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        times = [one for found in pool.map(lambda _: post(port, path, share), range(CONNECTIONS)) for one in found]
    seconds = time.perf_counter() - begun
    return len(times) / seconds, quantiles(times, n=100)[98] * 1000


def post(port: int, path: str, requests: int) -> list[float]:
    """Seconds of each of some requests over one connection."""
    times = []
    bodies = [json.dumps(booking_body(next(_numbers))).encode() for _ in range(requests)]
    headers = {"X-Channel-Sync-Secret": SECRET, "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for body in bodies:
        begun = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
        times.append(time.perf_counter() - begun)
        if answer.status != HTTPStatus.OK:
            raise AssertionError(told[:300])
    connection.close()
    return times
