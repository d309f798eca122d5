"""What captured rows say: which reservations changed from what to what, and on which nights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from channel_sync.capture.instances import instance_of, load_related
from channel_sync.capture.rows import CapturedRow
from channel_sync.pms import Watched

Row = Mapping[str, Any]


@dataclass
class RowChange:
    """One row before its first write and after its last, of writes that were made for the same channel or for none."""

    model: type[Model]
    row_pk: str
    origin: UUID | None
    transaction_id: int
    old: Row | None
    new: Row | None
    links: tuple[UUID, ...] = ()
    is_save: bool = False  # The host saved the row, which may be about what it refers to, such as its guest.

    @property
    def states(self) -> list[Row]:
        """The states that there are; none of a row that came and went."""
        return [state for state in (self.old, self.new) if state is not None]


def row_changes(rows: Iterable[CapturedRow]) -> list[RowChange]:
    """Writes of the same row as one, in the order of the first; writes with another origin in between part them."""
    changes: list[RowChange] = []
    latest: dict[tuple[str, str], RowChange] = {}
    for row in rows:
        key = (row.model, row.row_pk)
        before = latest.get(key)
        if before is not None and before.origin == row.origin:
            before.new, before.links, before.transaction_id = row.new, row.links, row.transaction_id
            continue
        model = apps.get_model(row.model)
        latest[key] = RowChange(model, row.row_pk, row.origin, row.transaction_id, row.old, row.new, row.links)
        changes.append(latest[key])
    return [change for change in changes if change.states and change.old != change.new]


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

    def both(self, change: RowChange) -> Iterator[Model]:
        """Those of the two that there are."""
        return (made for made in (self.before(change), self.after(change)) if made is not None)


def reservation_model() -> type[Model]:
    """The host's model of a reservation."""
    return apps.get_model(settings.CHANNEL_SYNC_RESERVATION_MODEL)


def spans_of(
    changes: Iterable[RowChange], instances: Instances, watched: Mapping[type[Model], Watched[Any]]
) -> Iterator[Any]:
    """The nights that changes of watched models are about, before and after."""
    for change in changes:
        followed = watched.get(change.model)
        if followed is not None:
            yield from (followed.span_of(instance) for instance in instances.both(change))
