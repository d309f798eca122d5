"""The event list, a worker's claim and the relay's batch at 10,000, 100,000 and 1,000,000 events: how the cost grows.

Each page is asked for through the API's own view, filters and pagination, the counting included. The plans of all its
statements are read: at the largest size none may scan the table. The reference is the same at 10,000 events; the number
of failed and of waiting events stays the same, as they are worked off; what waits is younger than what is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from benchmarks.reconciliation import demo_hotel
from channel_sync.api.events import EventViewSet
from channel_sync.events.store import claim, claim_beside, hand_over
from channel_sync.models import ChannelEvent, ChannelProperty

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 15
FLAT = 1.5
WAITING_EVENTS = 100
BACKLOG = 5_000
TAKEN_TOGETHER = 99

FILL = """
INSERT INTO channel_events (
    id, channel_property_id, direction, source, event_type, entity_type, entity_external_id, idempotency_key, payload,
    status, attempts, max_attempts, received_at, created_at, processed_at
)
SELECT gen_random_uuid(), (%(properties)s::uuid[])[1 + number %% 20], 'inbound', 'beds24',
       CASE number %% 3 WHEN 0 THEN 'booking.created' WHEN 1 THEN 'booking.modified' ELSE 'booking.cancelled' END,
       'booking', (5000000 + number / 3)::text, 'bench-' || number, '{"booking": {"id": 1}}',
       CASE WHEN number %% 50 = 0 AND number <= 10000 THEN 'failed' ELSE 'done' END, 1, 3,
       now() - number * interval '1 second', now(), now()
FROM generate_series(1, %(size)s) AS number
"""

WAITING = """
INSERT INTO channel_events (
    id, channel_property_id, direction, source, event_type, entity_type, entity_external_id, idempotency_key, payload,
    status, attempts, max_attempts, received_at, created_at, next_attempt_at
)
SELECT lpad(to_hex(number), 32, '0')::uuid, %(property)s, 'inbound', 'beds24', 'booking.created', 'booking',
       number::text, 'waiting-' || number, '{}', 'received', 0, 3, now(), now(), %(due)s
FROM generate_series(%(first)s, %(last)s) AS number
"""

PAGES: dict[str, dict[str, Any]] = {
    "first page": {},
    "dead letters": {"status": "failed"},
    "one property": {"property_id": "PROPERTY"},
    "one type": {"type": "booking.cancelled"},
    "one booking": {"booking": "5000100"},
    "page 100": {"page": 100},
}


def run() -> bool:
    """Print milliseconds per page and size; true when no plan scans the table and the cost stays flat."""
    properties = _properties()
    viewer = get_user_model().objects.create_superuser("bench")
    for size in SIZES:
        _fill(properties, size)
    cost: dict[str, list[float]] = {}
    scans: set[str] = set()
    for name, parameters in PAGES.items():
        page = _page(viewer, parameters, properties[0])
        for size in SIZES:
            _use(size)
            with CaptureQueriesContext(connection) as captured:
                page()
            scans |= {f"{name} at {size:,}" for query in captured if _scans_events(query["sql"])}
        cost[name] = _milliseconds(page)
    cost["claim one"] = _milliseconds(_claim_one, prepare=_wait_again)
    cost["relay 100"] = _milliseconds(_take_hundred, prepare=_due_again)
    cost["claim 99 more"] = _milliseconds(_claim_more, prepare=_backlog_again)
    print(f"{'':14}" + "".join(f"{size:>12,}" for size in SIZES) + "      growth")
    for name, times in cost.items():
        print(f"{name:14}" + "".join(f"{one:>9.1f} ms" for one in times) + f"{times[-1] / times[0]:>12.2f}")
    print("sequential scans of channel_events: " + (", ".join(sorted(scans)) or "none"))
    flat = all(times[-1] <= FLAT * times[0] for times in cost.values())
    print(f"flat within {FLAT} times: {'yes' if flat else 'no'}")
    return flat and not any(scan.endswith(f"{SIZES[-1]:,}") for scan in scans)


def _properties() -> list[str]:
    hotel = demo_hotel()
    made = [
        ChannelProperty(
            id=uuid4(), property_id=hotel["property"], channel_name=f"beds24-{number}", channel_property_id=f"b{number}"
        )
        for number in range(20)
    ]
    ChannelProperty.objects.bulk_create(made)
    return [str(one.id) for one in made]


def _fill(properties: list[str], size: int) -> None:
    """A schema of its own for each size, with a table and indexes as the migrations make them."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA events_{size}")
        cursor.execute(f"CREATE TABLE events_{size}.channel_events (LIKE public.channel_events INCLUDING ALL)")
        _use(size)
        cursor.execute(FILL, {"properties": properties, "size": size})
        for property_id, first, number, due in (
            (properties[0], 1, WAITING_EVENTS, timezone.now()),
            (properties[1], WAITING_EVENTS + 1, BACKLOG, None),
        ):
            last = first + number - 1
            cursor.execute(WAITING, {"property": property_id, "first": first, "last": last, "due": due})
        cursor.execute("VACUUM (ANALYZE) channel_events")


def _use(size: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO events_{size}, public")


def _claim_one() -> None:
    if claim(UUID(int=1)) is None:
        raise AssertionError("the event cannot be claimed")


def _wait_again() -> None:
    ChannelEvent.objects.filter(id=UUID(int=1)).update(status="received", attempts=0)


def _claim_more() -> None:
    """The events that a worker takes along with the one of its message, out of a long backlog."""
    lead = ChannelEvent.objects.get(id=UUID(int=WAITING_EVENTS + 1))
    if len(claim_beside(lead, limit=TAKEN_TOGETHER)) != TAKEN_TOGETHER:
        raise AssertionError("too few events were taken")


def _backlog_again() -> None:
    backlog = ChannelEvent.objects.filter(id__gt=UUID(int=WAITING_EVENTS), id__lte=UUID(int=WAITING_EVENTS + BACKLOG))
    backlog.filter(status="processing").update(status="received", attempts=0, next_attempt_at=None)


def _take_hundred() -> None:
    if len(hand_over()) != WAITING_EVENTS:
        raise AssertionError("not all that is due was taken")


def _due_again() -> None:
    waiting = ChannelEvent.objects.filter(next_attempt_at__isnull=False)
    waiting.update(status="received", attempts=0, next_attempt_at=timezone.now())


def _page(viewer: Any, parameters: dict[str, Any], property_id: str) -> Callable[[], object]:
    view = EventViewSet.as_view({"get": "list"})
    told = {name: property_id if value == "PROPERTY" else value for name, value in parameters.items()}

    def ask() -> object:
        request = APIRequestFactory().get("/api/admin/events", told)
        force_authenticate(request, viewer)
        answer = view(request)
        if answer.status_code != 200 or not answer.data["events"]:
            raise AssertionError(answer.data)
        return answer

    return ask


def _milliseconds(work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> list[float]:
    """The median at each size; the sizes take turns, so that what else the machine does meets all of them."""
    times: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            _use(size)
            prepare()
            begun = time.perf_counter()
            work()
            times[size].append((time.perf_counter() - begun) * 1000)
    return [median(one) for one in times.values()]


def _scans_events(sql: str) -> bool:
    if ChannelEvent._meta.db_table not in sql or not sql.startswith("SELECT"):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        plan = cursor.fetchone()[0]
    return _has_scan(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"])


def _has_scan(node: dict[str, Any]) -> bool:
    """Whether a node, or one below it, reads the whole table of events."""
    is_scan = node["Node Type"] == "Seq Scan" and node["Relation Name"] == ChannelEvent._meta.db_table
    return is_scan or any(_has_scan(below) for below in node.get("Plans", []))
