"""Follow saves of the host's models: the fast path, before the relay finds what the triggers captured.

Where writes are not captured, saves are compared with the state before them, and `bulk_create`, `QuerySet.update` and
SQL go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Field, Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from channel_sync.capture.states import captures, still_captures
from channel_sync.correlation import correlated, correlation_id
from channel_sync.models import ReservationLink
from channel_sync.outbound.changes import consume_saved
from channel_sync.outbound.enqueue import (
    ReservationChange,
    record_availability,
    record_rates,
    record_reservation_changes,
)
from channel_sync.outbound.row_changes import reservation_model
from channel_sync.outbound.spans import merged
from channel_sync.pms import Watched, host_pms

BEFORE = "_channel_sync_before"
LINKS = "_channel_sync_links"


def connect_signals() -> None:
    """Connect the receivers; called once, when the apps are ready."""
    model = reservation_model()
    pre_save.connect(_reservation_before_save, sender=model, dispatch_uid="channel_sync.reservation.pre")
    post_save.connect(_reservation_saved, sender=model, dispatch_uid="channel_sync.reservation.post")
    pre_delete.connect(_reservation_before_delete, sender=model, dispatch_uid="channel_sync.reservation.going")
    post_delete.connect(_reservation_deleted, sender=model, dispatch_uid="channel_sync.reservation.gone")
    watched = host_pms().watched_models()
    for model, followed in watched.availability.items():
        _follow(model, followed, record_availability)
    for model, followed_rate in watched.rates.items():
        _follow(model, followed_rate, record_rates)


def _reservation_before_save(instance: Model, raw: bool = False, **_: object) -> None:
    is_new = raw or instance._state.adding or captures(type(instance))
    setattr(instance, BEFORE, None if is_new else host_pms().reservation(instance.pk))


def _reservation_saved(instance: Model, raw: bool = False, **_: object) -> None:
    if raw or (captures(type(instance)) and consume_saved(instance)):
        return
    after = host_pms().describe(instance)
    # No column has changed where writes are captured; what the row refers to, such as its guest, may have.
    before = after if still_captures(type(instance)) else getattr(instance, BEFORE, None)
    _record_reservation(ReservationChange(before, after))


def _reservation_before_delete(instance: Model, **_: object) -> None:
    """Before the delete: afterwards the links to the channels' bookings have lost their reservation."""
    if captures(type(instance)):
        links = ReservationLink.objects.filter(reservation_id=instance.pk).values_list("id", flat=True)
        setattr(instance, LINKS, tuple(links))
    else:
        setattr(instance, LINKS, None)
        _record_reservation(ReservationChange(host_pms().describe(instance), None))


def _reservation_deleted(instance: Model, **_: object) -> None:
    links: Sequence[UUID] | None = getattr(instance, LINKS, None)
    if links is not None and not consume_saved(instance, links):
        # The triggers were removed meanwhile.
        still_captures(type(instance))
        _record_reservation(ReservationChange(host_pms().describe(instance), None, tuple(links)))


def _record_reservation(change: ReservationChange) -> None:
    with transaction.atomic(savepoint=False), correlated(correlation_id()):
        record_reservation_changes([change])


def _follow(model: type[Model], watched: Watched[Any], record: Callable[[list[Any]], object]) -> None:
    """Both the nights from before a save and those after it have changed."""
    columns: dict[str, Field[Any, Any]] = {field.name: field for field in model._meta.concrete_fields}
    fields = [columns[name] for name in watched.fields]

    def seen(instance: Model) -> list[Any]:
        return [field.to_python(field.value_from_object(instance)) for field in fields]

    def before_save(instance: Model, raw: bool = False, **_: object) -> None:
        is_new = raw or instance._state.adding or captures(model)
        setattr(instance, BEFORE, None if is_new else model._default_manager.filter(pk=instance.pk).first())

    def saved(instance: Model, raw: bool = False, **_: object) -> None:
        if raw or (captures(model) and (consume_saved(instance) or still_captures(model))):
            return
        stored: Model | None = getattr(instance, BEFORE, None)
        if stored is not None and seen(stored) == seen(instance):
            return
        record_spans([state for state in (stored, instance) if state is not None])

    def deleted(instance: Model, **_: object) -> None:
        if not (captures(model) and (consume_saved(instance) or still_captures(model))):
            record_spans([instance])

    def record_spans(states: list[Model]) -> None:
        with transaction.atomic(savepoint=False), correlated(correlation_id()):
            record(merged(watched.span_of(state) for state in states))

    name = f"channel_sync.{model._meta.label_lower}"
    pre_save.connect(before_save, sender=model, weak=False, dispatch_uid=f"{name}.pre")
    post_save.connect(saved, sender=model, weak=False, dispatch_uid=f"{name}.post")
    post_delete.connect(deleted, sender=model, weak=False, dispatch_uid=f"{name}.gone")
