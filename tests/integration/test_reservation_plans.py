"""Lists of reservations were read whole: each filter and sort of the desk is answered by an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request

from channel_sync.models import ChannelProperty
from pms_project.pms.api.filters import ReservationFilter
from pms_project.pms.api.sorting import sorted_as_asked
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.visibility import seen_by
from tests.factories import ChannelPropertyFactory, RoomTypeFactory
from tests.staff import works_everywhere, works_in

pytestmark = pytest.mark.django_db

START = date(2026, 9, 27)
MANY = 40_000
FILL = """
WITH guest AS (
    INSERT INTO guests (first_name, last_name, email, phone, country)
    SELECT 'First' || n, 'Last' || n, 'guest' || n || '@example.org', '', '' FROM generate_series(1, %(many)s) AS n
    RETURNING id, substr(last_name, 5)::integer AS n
)
INSERT INTO reservations (hotel_id, room_type_id, guest_id, status, source, group_reference, channel_reference,
                          check_in, check_out, units, adults, children, currency, notes, failure_reason, created_at,
                          updated_at)
SELECT room_type.hotel_id, room_type.id, guest.id, 'CONFIRMED', 'PMS', '',
       CASE WHEN n %% 2 = 0 THEN 'BDC-' || n ELSE '' END,
       date '2024-01-01' + n / 20, date '2024-01-03' + n / 20, 1, 1, 0, 'EUR', '', '',
       timestamptz '2024-01-01' + n * interval '1 hour', now()
FROM guest
JOIN (SELECT id, hotel_id, row_number() OVER (ORDER BY id) - 1 AS place FROM room_types) AS room_type
  ON room_type.place = n %% 20
"""
LINK = """
INSERT INTO channel_reservation_links (channel_property_id, external_id, reservation_id)
SELECT property.id, (900000 + row_number() OVER ())::text, reservation.id
FROM reservations AS reservation JOIN channel_properties AS property ON property.property_id = reservation.hotel_id
"""
NIGHT = {"start": "2028-01-10", "end": "2028-01-11"}


@pytest.fixture
def many(db: None) -> ChannelProperty:
    """Reservations of twenty hotels over five years, each with a guest and a booking."""
    properties = [ChannelPropertyFactory(property=RoomTypeFactory().hotel) for _ in range(20)]
    with connection.cursor() as cursor:
        # Without the triggers that capture each row.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(FILL, {"many": MANY})
        cursor.execute(LINK)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE guests, reservations, channel_reservation_links, channel_properties")
    return properties[0]


QUERIES: list[dict[str, str]] = [
    {},
    {"order": "desc"},
    {"sort": "created_at", "order": "desc"},
    {"channel_reference": "BDC-20000"},
    {"booking": "920000"},
    {"guest": "Last3999"},
    {"guest": "First3999 La"},
    {"guest": "guest3999"},
    {"guest": "Last39990, First"},
    {"guest": "nobody of this name"},
    {"arrival_from": "2028-01-10", "arrival_to": "2028-01-11"},
    {"check_out": "2028-01-12"},
    {"start": "2028-01-10", "end": "2028-01-11"},
]


@pytest.mark.parametrize("sees", ["one hotel", "all hotels"])
def test_a_page_of_reservations_is_read_by_an_index(many: ChannelProperty, sees: str) -> None:
    user = works_in(many.property)
    if sees == "all hotels":
        user = works_everywhere(get_user_model().objects.create_user("all"))

    read = {str(query): rows_read(user, query) for query in QUERIES}

    assert {query: most for query, most in read.items() if most > MANY / 10} == {}


@pytest.mark.parametrize(
    ("email", "last_name", "arrival"),
    [("GUEST400@example.org", "", None), ("", "last20000", START), ("guest3@example.org", "x", START)],
    ids=["email", "name", "both"],
)
def test_a_guest_to_be_exported_or_erased_is_found_by_an_index(
    many: ChannelProperty, email: str, last_name: str, arrival: date | None
) -> None:
    with CaptureQueriesContext(connection) as captured:
        Pms().reservations_of_guest(many.property_id, email=email, last_name=last_name, arrival=arrival)

    assert captured.captured_queries
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT json) " + query["sql"])
            assert most_rows(cursor.fetchone()[0][0]["Plan"]) < MANY / 40, query["sql"]


def rows_read(user: Any, query: dict[str, str]) -> int:
    """The most rows that any part of the plan of a page reads, those included that it throws away."""
    request = RequestFactory().get("/", query)
    request.user = user
    named = {name: value for name, value in query.items() if name not in ("sort", "order")}
    every = seen_by(user, Reservation.objects.select_related("guest"))
    found = ReservationFilter(named, queryset=every, request=request)
    assert found.is_valid(), found.errors
    page = sorted_as_asked(found.qs, Request(request))[:50]
    return most_rows(json.loads(page.explain(format="json", analyze=True))[0]["Plan"])


def most_rows(plan: dict[str, Any]) -> int:
    """Of any part of a plan."""
    return max(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in nodes(plan)
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)
