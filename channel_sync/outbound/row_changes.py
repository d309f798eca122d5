"""What captured rows say: which reservations changed from what to what, and on which nights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.db.models import Model

from channel_sync.capture.instances import instance_of, load_related
from channel_sync.capture.rows import CapturedRow
from channel_sync.pms import Watched

Row = Mapping[str, Any]
Made = TypeVar("Made")


@dataclass
class RowChange:
    """One row before its first write and after its last, of writes that were made for the same channel or for none.

    `between` are the states that a later transaction replaced, each once: a call may have sent them to a channel.
    """

    model: type[Model]
    row_pk: str
    origin: UUID | None
    transaction_id: int
    old: Row | None
    new: Row | None
    links: tuple[UUID, ...] = ()
    is_save: bool = False  # The host saved the row, which may be about what it refers to, such as its guest.
    _between: dict[str, Row] = field(default_factory=dict)

    @property
    def between(self) -> list[Row]:
        """The states in between, in the order in which they came up."""
        return list(self._between.values())

    @property
    def states(self) -> list[Row]:
        """The states that there are; none of a row that came and went within a transaction."""
        return [state for state in (self.old, *self.between, self.new) if state is not None]

    @property
    def may_be_seen(self) -> bool:
        """Whether anybody else may have found the row in another state than it is in now."""
        return bool(self._between) or self.old != self.new

    def write(self, row: CapturedRow) -> None:
        """Take in a later write of the row."""
        if self.new is not None and row.transaction_id != self.transaction_id:
            self._between[repr(self.new)] = self.new
        self.new, self.links, self.transaction_id = row.new, row.links, row.transaction_id


def row_changes(rows: Iterable[CapturedRow]) -> list[RowChange]:
    """Writes of the same row as one, in the order of the first.

    Writes with another origin in between part them, and so does a deletion. What nobody else can have seen is left out.
    """
    changes: list[RowChange] = []
    latest: dict[tuple[str, str], RowChange] = {}
    for row in rows:
        key = (row.model, row.row_pk)
        before = latest.get(key)
        if before is not None and before.origin == row.origin and before.new is not None:
            before.write(row)
            continue
        model = apps.get_model(row.model)
        latest[key] = RowChange(model, row.row_pk, row.origin, row.transaction_id, row.old, row.new, row.links)
        changes.append(latest[key])
    return [change for change in changes if change.may_be_seen]


class Instances:
    """The model instances of some changes: related objects are taken from `like`, or loaded once for all."""

    def __init__(self, changes: Sequence[RowChange], like: Model | None = None) -> None:
        self._made = {
            id(state): instance_of(change.model, state, like) for change in changes for state in change.states
        }
        if like is None:
            for model in dict.fromkeys(change.model for change in changes):
                of_model = [made for made in self._made.values() if isinstance(made, model)]
                load_related(model, of_model)

    def before(self, change: RowChange) -> Model | None:
        """The row before the change; None when it is new."""
        return None if change.old is None else self._made[id(change.old)]

    def after(self, change: RowChange) -> Model | None:
        """The row after the change; None when it was deleted."""
        return None if change.new is None else self._made[id(change.new)]

    def between(self, change: RowChange) -> list[Model]:
        """The row in the states in between."""
        return [self._made[id(state)] for state in change.between]

    def both(self, change: RowChange) -> Iterator[Model]:
        """Those of before and after that there are."""
        return (made for made in (self.before(change), self.after(change)) if made is not None)


def reservation_model() -> type[Model]:
    """The host's model of a reservation."""
    return apps.get_model(settings.CHANNEL_SYNC_RESERVATION_MODEL)


def spans_of(
    changes: Iterable[RowChange], instances: Instances, watched: Mapping[type[Model], Watched[Any]]
) -> Iterator[Any]:
    """The nights that changes of watched models are about: before, in between and after."""
    for change in changes:
        followed = watched.get(change.model)
        if followed is not None:
            yield from (followed.span_of(instance) for instance in instances.both(change))
            yield from what_can_be_made(followed.span_of, instances.between(change))


def without_owner(
    changes: Iterable[RowChange], instances: Instances, watched: Mapping[type[Model], Watched[Any]]
) -> list[RowChange]:
    """Rows of watched models that were deleted with what they belong to: nobody can say what they were about."""
    return [
        change
        for change in changes
        if change.model in watched and change.new is None and not _has_owner(watched[change.model], instances, change)
    ]


def _has_owner(watched: Watched[Any], instances: Instances, change: RowChange) -> bool:
    try:
        for instance in instances.both(change):
            watched.span_of(instance)
    except ObjectDoesNotExist:
        return False
    return True


def what_can_be_made(make: Callable[[Model], Made], instances: Iterable[Model]) -> list[Made]:
    """What the host makes of states in between, each once, without those that it can make nothing of.

    Such as dates of which only one was changed yet: no call can have sent them. Raises errors of the database, after
    which its transaction cannot go on.
    """
    made: dict[Made, None] = {}
    for instance in instances:
        try:
            made[make(instance)] = None
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001, S112 - whatever the host's code raises, the state has passed
            continue
    return list(made)
