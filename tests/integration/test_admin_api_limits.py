"""The admin API queued comparisons of three million nights; its dates and lengths are within reason, and said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from channel_sync.models import AuditEntry, ChannelProperty
from channel_sync.operations.roles import Role

pytestmark = pytest.mark.django_db

TODAY = date.today()
Api = Callable[[Role | None], APIClient]


@pytest.mark.parametrize(
    ("start", "end", "field", "limit"),
    [
        ("1900-01-01", "2999-12-31", "start", "1,100 days back"),
        (str(TODAY), "2999-12-31", "end", "1,100 days ahead"),
        (str(TODAY - timedelta(days=600)), str(TODAY + timedelta(days=600)), "end", "At most 1,100 days"),
        ("2999-12-31", "1900-01-01", "end", "before the first"),
    ],
)
def test_a_comparison_is_of_days_within_reason(
    channel_property: ChannelProperty,
    api_of: Api,
    start: str,
    end: str,
    field: str,
    limit: str,
) -> None:
    body = {"channel_property_id": str(channel_property.id), "kind": "availability", "start": start, "end": end}

    answer = api_of(Role.OPERATOR).post("/api/admin/reconciliation-runs/", body, format="json")

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["attr"] == field
    assert limit in error["detail"]
    with pytest.raises(CommandError):
        call_command("channel_sync_reconcile", str(channel_property.id), "availability", "--start", start, "--end", end)
    assert not AuditEntry.objects.exists()


def test_a_comparison_is_of_days_of_a_calendar(channel_property: ChannelProperty, api_of: Api) -> None:
    body = {"channel_property_id": str(channel_property.id), "kind": "availability"}
    days = {"start": "0001-01-01", "end": "9999-12-31"}

    answer = api_of(Role.OPERATOR).post("/api/admin/reconciliation-runs/", body | days, format="json")

    assert answer.status_code == 400
    assert {(error["attr"], error["detail"]) for error in answer.json()["errors"]} == {
        (name, "A day from 1900-01-01 to 2999-12-31 is needed.") for name in days
    }


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("events", {"received_from": "0001-01-01T00:00:00+14:00"}),
        ("events", {"received_to": "9999-12-31T23:59:59-12:00"}),
        ("events", {"booking": "\x00"}),
        ("audit", {"actor": "\x00"}),
    ],
)
def test_a_filter_beyond_all_calendars_is_no_fault_of_ours(
    api_of: Callable[[Role | None], APIClient], address: str, query: dict[str, Any]
) -> None:
    assert api_of(Role.VIEWER).get(f"/api/admin/{address}/", query).status_code == 400
