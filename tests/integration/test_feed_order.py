"""The feed's cursor passes over nothing: a row that commits late, under a lower id, still comes.

With a cursor that is the highest id seen so far it would be lost for good.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from channel_sync.errors import CursorGone, InvalidCursor
from channel_sync.feed.cursor import opened, sealed
from channel_sync.feed.page import Page, present_end, read_page
from channel_sync.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "INSERT INTO channel_notifications (kind, subject_id, payload) VALUES ('alert.raised', %s, '{}') RETURNING id"


def other() -> psycopg.Connection[tuple[int]]:
    """A connection beside Django's, whose transactions the test ends."""
    parameters = connection.get_connection_params()
    return psycopg.connect(
        **{name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters}
    )


def note(on: psycopg.Connection[tuple[int]]) -> int:
    row = on.execute(NOTE, [uuid4()]).fetchone()
    assert row is not None
    return row[0]


def read(after: int, limit: int = 50) -> Page:
    return read_page(Notification.objects.all(), after, limit=limit)


def ids(after: int) -> list[int]:
    positions = [row.position for row in read(after).rows]
    return list(Notification.objects.filter(position__in=positions).order_by("position").values_list("id", flat=True))


def test_what_commits_late_is_not_passed_over() -> None:
    begin = present_end(Notification.objects.all())
    with other() as first, other() as second:
        early_id, later_id = note(first), note(second)
        second.commit()

        seen, page = ids(begin), read(begin)
        first.commit()

        assert early_id < later_id
        assert seen == [later_id]
        # With the id as the cursor it would be lost here.
        assert not Notification.objects.filter(id__gt=max(seen)).exists()
        assert ids(page.next) == [early_id]


def test_two_readers_at_once_number_nothing_twice_and_pass_over_nothing() -> None:
    begin = present_end(Notification.objects.all())
    with other() as one:
        made = [note(one) for _ in range(300)]
        one.commit()

        def follow(_: int) -> list[int]:
            seen: list[int] = []
            after, end = begin, time.monotonic() + 20
            while len(seen) < 600 and time.monotonic() < end:
                page = read(after, limit=70)
                after = page.next
                seen += [row.position for row in page.rows]
            connection.close()
            return seen

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(follow, number) for number in range(4)]
            for _ in range(30):
                made += [note(one) for _ in range(10)]
                one.commit()
            found = [reader.result() for reader in readers]

    assert len(made) == 600
    for seen in found:
        assert seen == sorted(set(seen))
        assert len(seen) == 600


def test_pages_follow_each_other_without_a_gap_or_a_repetition() -> None:
    begin = present_end(Notification.objects.all())
    with other() as one:
        made = [note(one) for _ in range(5)]
        one.commit()

    seen, page = [], read(begin, limit=2)
    while True:
        seen += [row.position for row in page.rows]
        if not page.has_more:
            break
        page = read(page.next, limit=2)

    assert ids(begin) == made
    assert len(seen) == 5
    assert read(page.next).rows == []


def test_a_cursor_is_checked() -> None:
    assert [opened(sealed(one)) for one in (0, 1, 2**40)] == [0, 1, 2**40]
    for wrong in (sealed(7)[:-2] + "AA", "A" * 22, "x", "1.2", "-1", "", "9" * 30, "\uff11"):
        with pytest.raises(InvalidCursor):
            opened(wrong)
    with pytest.raises(CursorGone, match="restored"):
        read(10**15)
