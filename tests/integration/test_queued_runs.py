"""A run that was started by hand had no id until a worker took it, and a lost message was a run that never was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from channel_sync.broker.topology import topology
from channel_sync.errors import NothingQueued
from channel_sync.models import (
    AuditEntry,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.operations import properties
from channel_sync.reconciliation import tasks
from tests.conftest import ConnectedHotel

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is handed to the broker."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "celery.current_app.send_task",
        lambda task, **options: messages.append({"task": task, **options}),
        raising=False,
    )
    return messages


@pytest.fixture
def live(connected: ConnectedHotel) -> ChannelProperty:
    ChannelProperty.objects.update(held_since=None)
    connected.channel_property.refresh_from_db()
    return connected.channel_property


def start(channel_property: ChannelProperty, **options: Any) -> ReconciliationRun:
    return properties.start_reconciliation(channel_property, ReconciliationKind.RATES, by="clerk", **options)


def take(message: dict[str, Any]) -> None:
    tasks.reconcile(*message["args"], **message["kwargs"])


@pytest.mark.parametrize("window", [None, (date.today(), date.today() + timedelta(days=3))])
def test_the_worker_takes_the_run_that_was_queued(
    live: ChannelProperty, sent: list[dict[str, Any]], window: tuple[date, date] | None
) -> None:
    run = start(live, dry_run=True, window=window)
    assert (run.status, sent[0]["queue"]) == (RunStatus.QUEUED, topology().reconciliation.name)

    take(sent[0])
    take(sent[0])

    only = ReconciliationRun.objects.get()
    assert (only.id, only.status, only.dry_run) == (run.id, RunStatus.DONE, True)
    assert window is None or (only.window_start, only.window_end) == window
    assert AuditEntry.objects.get(action="run.started").details["run_id"] == str(run.id)


def test_a_lost_message_is_sent_again(live: ChannelProperty, sent: list[dict[str, Any]]) -> None:
    run = start(live)
    ReconciliationRun.objects.update(updated_at=Now() - timedelta(minutes=2))
    sent.clear()

    tasks.resume_runs()
    (message,) = [one for one in sent if one["kwargs"].get("run_id") == str(run.id)]
    take(message)

    run.refresh_from_db()
    assert run.status == RunStatus.DONE


@pytest.mark.parametrize(
    ("columns", "why"),
    [({"status": ChannelPropertyStatus.INACTIVE}, "not active"), ({"held_since": Now()}, "report is not accepted")],
)
def test_a_run_that_may_not_compare_says_why(
    live: ChannelProperty, sent: list[dict[str, Any]], columns: dict[str, Any], why: str
) -> None:
    run = start(live)
    ChannelProperty.objects.update(**columns)

    take(sent[0])

    run.refresh_from_db()
    assert (run.status, run.compared) == (RunStatus.DONE, 0)
    assert why in run.note


def test_without_a_broker_there_is_no_run(live: ChannelProperty, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(task: str, **options: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr("celery.current_app.send_task", refuse, raising=False)

    with pytest.raises(NothingQueued):
        start(live)

    assert not ReconciliationRun.objects.exists()
    assert not AuditEntry.objects.filter(action="run.started").exists()
