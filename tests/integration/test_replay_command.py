"""`manage.py channel_sync_replay`: count first, then work events once more or put them out of the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from channel_sync.events.selection import EventSelection
from channel_sync.events.store import claim
from channel_sync.models import AuditEntry, ChannelEvent, ChannelProperty, EventStatus, EventType
from tests.factories import ChannelPropertyFactory, EventFactory, OutboundEventFactory

pytestmark = pytest.mark.django_db


def run(*arguments: str, answer: str | None = None) -> str:
    output = StringIO()
    with patch("builtins.input", side_effect=AssertionError if answer is None else lambda prompt: answer):
        call_command("channel_sync_replay", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue().strip()


def make(status: EventStatus, **columns: Any) -> ChannelEvent:
    made: ChannelEvent = EventFactory(status=status, attempts=3, processed_at=datetime.now(UTC), **columns)
    return made


def statuses() -> list[str]:
    return list(ChannelEvent.objects.order_by("received_at").values_list("status", flat=True))


def test_failed_events_start_again_from_the_beginning() -> None:
    failed, done = make(EventStatus.FAILED), make(EventStatus.DONE)

    assert run("--yes") == "1 of 1 events replayed."

    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.status, failed.attempts, failed.processed_at) == (EventStatus.RECEIVED, 0, None)
    assert done.status == EventStatus.DONE
    assert claim(failed.id) is not None


def test_a_dry_run_counts_and_does_nothing() -> None:
    make(EventStatus.FAILED)

    assert run("--dry-run") == "1 events would be replayed."
    assert json.loads(run("--dry-run", "--json")) == {"selected": 1, "replayed": 0, "dry_run": True}
    assert statuses() == [EventStatus.FAILED]


@pytest.mark.parametrize(("answer", "expected"), [("y", EventStatus.RECEIVED), ("", EventStatus.FAILED)])
def test_it_asks_before_it_begins(answer: str, expected: EventStatus) -> None:
    make(EventStatus.FAILED)

    if expected == EventStatus.FAILED:
        with pytest.raises(CommandError, match="Nothing was done"):
            run(answer=answer)
    else:
        run(answer=answer)

    assert statuses() == [expected]


def test_what_a_worker_holds_is_left_to_it() -> None:
    event = claim(make(EventStatus.RECEIVED).id)
    assert event is not None

    assert json.loads(run(str(event.id), "--yes", "--json"))["replayed"] == 0
    assert json.loads(run(str(event.id), "--ignore", "wrong", "--yes", "--json"))["ignored"] == 0
    assert statuses() == [EventStatus.PROCESSING]


def test_named_events_may_be_done_already() -> None:
    event = make(EventStatus.DONE)

    run(str(event.id), "--yes")

    assert statuses() == [EventStatus.RECEIVED]


def test_ignored_events_keep_the_reason_and_are_not_worked() -> None:
    failed, waiting = make(EventStatus.FAILED), make(EventStatus.RECEIVED)

    assert run(str(failed.id), str(waiting.id), "--ignore", "a test booking", "--yes") == "2 of 2 events ignored."

    failed.refresh_from_db()
    assert (failed.status, failed.last_error) == (EventStatus.IGNORED, "by command line: a test booking")
    assert claim(waiting.id) is None
    assert AuditEntry.objects.get().actor == "command line"


@pytest.fixture
def mixed() -> ChannelProperty:
    """Failed events of two properties, both directions, two types, on two days."""
    one, other = ChannelPropertyFactory(), ChannelPropertyFactory()
    day = datetime(2027, 1, 31, 12, tzinfo=UTC)
    make(EventStatus.FAILED, channel_property=one, received_at=day)
    make(EventStatus.FAILED, channel_property=other, received_at=day, event_type=EventType.BOOKING_MODIFIED)
    OutboundEventFactory(status=EventStatus.FAILED, channel_property=one, received_at=day + timedelta(days=1))
    found: ChannelProperty = one
    return found


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ([], 3),
        (["--property", "PROPERTY"], 2),
        (["--direction", "outbound"], 1),
        (["--type", "booking.modified"], 1),
        (["--from", "2027-02-01T00:00Z"], 1),
        (["--to", "2027-02-01T00:00Z"], 2),
        (["--from", "2027-01-31T12:00Z", "--to", "2027-02-01T12:00Z", "--direction", "inbound"], 2),
        (["--status", "done"], 0),
        (["--status", "done", "--status", "failed"], 3),
    ],
)
def test_options_select(mixed: ChannelProperty, arguments: list[str], number: int) -> None:
    named = [one.replace("PROPERTY", str(mixed.id)) for one in arguments]

    assert json.loads(run(*named, "--dry-run", "--json"))["selected"] == number


@pytest.mark.parametrize("arguments", [["--json"], ["--from", "yesterday"], ["--type", "booking.sold"], ["not-an-id"]])
def test_wrong_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)


def test_an_empty_selection_selects_everything() -> None:
    make(EventStatus.DONE)

    assert EventSelection().events().count() == 1
