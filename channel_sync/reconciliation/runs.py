"""A run: one at a time per property and kind, counted, resumed where a dead one stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from channel_sync.database_errors import DATABASE_FAULTS
from channel_sync.database_lock import session_lock
from channel_sync.errors import NotYet
from channel_sync.models import ChannelProperty, ReconciliationKind, ReconciliationRun, RunStatus, StagedBooking
from channel_sync.reconciliation.failure_reason import reason_of
from channel_sync.reconciliation.spare_calls import Wait, sleep

logger = logging.getLogger(__name__)

Progress = Callable[[str, int], None]

# A run that nobody took up for longer than this starts over: what it read is too old to be worth comparing.
RESUMABLE = timedelta(minutes=30)
# In the cursor of a run that reads by departure: its pages are not those of a run that reads by arrival.
EVERYBODY = "everybody_to_come"
# In the cursor of a run of the whole calendar: it is started again as one, and no first synchronisation.
WHOLE = "whole_calendar"
# In the cursor of a queued run: its window was asked for, and is not the usual one.
ASKED = "asked_window"


def silent(phase: str, done: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class RunOptions:
    """How a run is made; `window` replaces the usual one, first and last day included.

    `run_id` is the queued run that it is to be.

    `everybody_to_come` reads the channel's bookings by their departure: all that depart after the first day of the
    window, whenever they arrive. `is_whole` marks the daily run of the whole calendar (`whole_calendar.py`).
    """

    dry_run: bool = False
    window: tuple[date, date] | None = None
    everybody_to_come: bool = False
    is_whole: bool = False
    run_id: UUID | None = None
    wait: Wait = sleep
    progress: Progress = silent


def run_lock(channel_property: ChannelProperty, kind: ReconciliationKind) -> tuple[object, ...]:
    """The name of the lock that the process of a run holds in its session."""
    return "reconciliation", channel_property.id, kind.value


@contextmanager
def running(
    channel_property: ChannelProperty, kind: ReconciliationKind, window: tuple[date, date], options: RunOptions
) -> Iterator[ReconciliationRun]:
    """The run to work on: a young one that died, or a new one. It ends `done`, or `failed` with the error.

    Raises `NotYet` while another process runs the same: its session holds the lock, and loses it when it dies.
    """
    with session_lock(*run_lock(channel_property, kind), wait=timedelta(milliseconds=1)):
        run = _taken(window, options) or _resumed(channel_property, kind, window, options)
        run = run or ReconciliationRun.objects.create(
            channel_property=channel_property,
            kind=kind,
            dry_run=options.dry_run,
            window_start=window[0],
            window_end=window[1],
            cursor={
                **({EVERYBODY: True} if options.everybody_to_come else {}),
                **({WHOLE: True} if options.is_whole else {}),
            },
        )
        try:
            yield run
        except (NotYet, *DATABASE_FAULTS):
            # It goes on later where it is; without a database nothing can be said about it either.
            raise
        except Exception as error:
            _end(run, RunStatus.FAILED, last_error=reason_of(error))
            raise
        _end(run, RunStatus.DONE)
        logger.info(
            "%s of %s: compared %d, fixed %d, flagged %d",
            run.kind, channel_property, run.compared, run.fixed, run.flagged,
        )  # fmt: skip
        if run.note:
            logger.warning("%s of %s: %s", run.kind, channel_property, run.note)


def advance(run: ReconciliationRun, *, compared: int = 0, fixed: int = 0, flagged: int = 0, **cursor: object) -> None:
    """Keep how far the run is."""
    run.compared += compared
    run.fixed += fixed
    run.flagged += flagged
    run.cursor |= cursor
    _write(run, compared=run.compared, fixed=run.fixed, flagged=run.flagged, cursor=run.cursor)


def keep_lower(run: ReconciliationRun, kept: dict[str, Any]) -> None:
    """Say on the run which nights the channel keeps lower by its own rules."""
    run.kept_lower = kept
    _write(run, kept_lower=kept)


def say(run: ReconciliationRun, note: str) -> None:
    """Keep why it compares nothing, or not everything; blank takes back what was said before it was resumed."""
    if note != run.note:
        run.note = note
        _write(run, note=note)


def look_again(run: ReconciliationRun) -> None:
    """A resumed run looks at everything that differs once more: only what it fixed does not come again."""
    run.flagged = 0
    if run.dry_run:
        run.fixed = 0


def queue_run(
    channel_property: ChannelProperty,
    kind: ReconciliationKind,
    window: tuple[date, date],
    *,
    dry_run: bool,
    is_asked: bool,
) -> ReconciliationRun:
    """A run that a worker is to take; where the window was not asked for, it is the usual one of the day it starts."""
    return ReconciliationRun.objects.create(
        channel_property=channel_property,
        kind=kind,
        status=RunStatus.QUEUED,
        dry_run=dry_run,
        window_start=window[0],
        window_end=window[1],
        cursor={ASKED: True} if is_asked else {},
    )


def end_queued(run_id: UUID, note: str) -> None:
    """A queued run that compares nothing: `note` says why, and what to do."""
    queued = ReconciliationRun.objects.filter(id=run_id, status=RunStatus.QUEUED)
    queued.update(status=RunStatus.DONE, note=note, finished_at=Now(), updated_at=Now())


def _taken(window: tuple[date, date], options: RunOptions) -> ReconciliationRun | None:
    """The queued run that is meant; None for one that was taken before."""
    if options.run_id is None:
        return None
    queued = ReconciliationRun.objects.filter(id=options.run_id, status=RunStatus.QUEUED)
    begun = {"status": RunStatus.RUNNING, "window_start": window[0], "window_end": window[1]}
    if not queued.update(**begun, updated_at=Now()):
        return None
    return ReconciliationRun.objects.get(id=options.run_id)


def _resumed(
    channel_property: ChannelProperty, kind: ReconciliationKind, window: tuple[date, date], options: RunOptions
) -> ReconciliationRun | None:
    left = ReconciliationRun.objects.filter(channel_property=channel_property, kind=kind, status=RunStatus.RUNNING)
    wanted = left.filter(dry_run=options.dry_run, window_start=window[0], window_end=window[1])
    by_departure = Q(cursor__has_key=EVERYBODY)
    wanted = wanted.filter(by_departure if options.everybody_to_come else ~by_departure)
    whole = Q(cursor__has_key=WHOLE)
    wanted = wanted.filter(whole if options.is_whole else ~whole)
    is_young = Q(updated_at__gt=Now() - RESUMABLE)
    run = wanted.filter(is_young).order_by("-created_at").first()
    of_another_window = left.filter(is_young).exclude(window_start=window[0], window_end=window[1])
    for other in left.exclude(id__in=of_another_window.values("id")):
        if other != run:
            _end(other, RunStatus.FAILED, last_error="Its process vanished; a later run started over.")
    return run


def _end(run: ReconciliationRun, status: RunStatus, *, last_error: str = "") -> None:
    run.status, run.last_error = status, last_error
    _write(run, status=status, last_error=last_error, finished_at=Now())
    StagedBooking.objects.filter(run=run).delete()


def _write(run: ReconciliationRun, **columns: Any) -> None:
    """With the database's time, by which a run that does not move is known."""
    ReconciliationRun.objects.filter(id=run.id).update(**columns, updated_at=Now())
