"""The feed's cursor passes over nothing: a row that commits late, under a lower id, still comes.

With a cursor that is the highest id seen so far it would be lost for good.
"""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from channel_sync.errors import CursorGone, InvalidCursor
from channel_sync.feed.page import Cursor, Page, adopt_restored, present_end, read_page
from channel_sync.models import Notification
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "INSERT INTO channel_notifications (kind, subject_id, payload) VALUES ('alert.raised', %s, '{}') RETURNING id"


def other() -> psycopg.Connection[tuple[int]]:
    """A connection beside Django's, whose transactions the test ends."""
    parameters = connection.get_connection_params()
    return psycopg.connect(**{name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters})


def note(on: psycopg.Connection[tuple[int]]) -> int:
    row = on.execute(NOTE, [uuid4()]).fetchone()
    assert row is not None
    return row[0]


def read(after: Cursor, limit: int = 50) -> Page:
    return read_page(Notification.objects.all(), after, limit=limit)


def ids(after: Cursor) -> list[int]:
    return [row.id for row in read(after).rows]


@pytest.mark.parametrize("late_is_older", [True, False], ids=["the older transaction ends last", "the younger one"])
def test_what_commits_late_is_not_passed_over(late_is_older: bool) -> None:
    begin = present_end()
    with other() as first, other() as second:
        for one in (first, second) if late_is_older else (second, first):
            one.execute("SELECT pg_current_xact_id()")
        early_id, later_id = note(first), note(second)
        second.commit()

        page = read(begin)
        naive = max(Notification.objects.values_list("id", flat=True))
        first.commit()

        assert early_id < later_id == naive
        assert not Notification.objects.filter(id__gt=naive).exists()  # What a naive reader would see from here.
        rest = until(lambda: ids(page.next))
        assert sorted([row.id for row in page.rows] + rest) == [early_id, later_id]


def test_pages_follow_each_other_without_a_gap_or_a_repetition() -> None:
    begin = present_end()
    with other() as one:
        made = []
        for size in (1, 3, 2):
            made += [note(one) for _ in range(size)]
            one.commit()
    until(lambda: len(ids(begin)) == 6)

    seen, page = [], read(begin, limit=2)
    while True:
        seen += [row.id for row in page.rows]
        if not page.has_more:
            break
        page = read(page.next, limit=2)

    assert seen == made
    assert ids(page.next) == []


def test_a_cursor_is_checked() -> None:
    for wrong in ("x", "1.2.3", "-1", "1.", "9" * 30, "１"):
        with pytest.raises(InvalidCursor):
            Cursor.parse(wrong)
    assert Cursor.parse("0") == Cursor()
    assert Cursor.parse("12.7") == Cursor(12, 7)
    with pytest.raises(CursorGone, match="restored"):
        read(Cursor(10**17))


def test_rows_of_a_restored_dump_come_before_new_ones() -> None:
    old = Notification.objects.create(kind="alert.raised", subject_id=uuid4(), transaction=10**15)
    new = Notification.objects.create(kind="alert.ended", subject_id=uuid4())

    assert adopt_restored() == 1
    assert adopt_restored() == 0
    until(lambda: ids(Cursor()) == [old.id, new.id])
