"""Follow saves of the host's models; receivers only enqueue.

`bulk_create` and `QuerySet.update` send no signals: a host that uses them calls `enqueue` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from channel_sync.outbound.enqueue import ReservationChange, availability_changed, rates_changed, reservations_changed
from channel_sync.pms import Watched, host_pms

BEFORE = "_channel_sync_before"


def connect_signals() -> None:
    """Connect the receivers; called once, when the apps are ready."""
    reservation_model = apps.get_model(settings.CHANNEL_SYNC_RESERVATION_MODEL)
    pre_save.connect(_reservation_before_save, sender=reservation_model, dispatch_uid="channel_sync.reservation.pre")
    post_save.connect(_reservation_saved, sender=reservation_model, dispatch_uid="channel_sync.reservation.post")
    # Before the delete: afterwards the link to the channel's booking has lost its reservation.
    pre_delete.connect(_reservation_deleted, sender=reservation_model, dispatch_uid="channel_sync.reservation.gone")
    watched = host_pms().watched_models()
    for model, followed in watched.availability.items():
        _follow(model, followed, availability_changed)
    for model, followed_rate in watched.rates.items():
        _follow(model, followed_rate, rates_changed)


def _reservation_before_save(instance: Model, raw: bool = False, **_: object) -> None:
    is_new = raw or instance._state.adding
    setattr(instance, BEFORE, None if is_new else host_pms().reservation(instance.pk))


def _reservation_saved(instance: Model, raw: bool = False, **_: object) -> None:
    if not raw:
        reservations_changed([ReservationChange(getattr(instance, BEFORE, None), host_pms().describe(instance))])


def _reservation_deleted(instance: Model, **_: object) -> None:
    reservations_changed([ReservationChange(host_pms().describe(instance), None)])


def _follow(model: type[Model], watched: Watched[Any], changed: Callable[[list[Any]], None]) -> None:
    """Both the nights from before a save and those after it have changed."""
    columns: dict[str, Field[Any, Any]] = {field.name: field for field in model._meta.concrete_fields}
    fields = [columns[name] for name in watched.fields]

    def seen(instance: Model) -> list[Any]:
        return [field.to_python(field.value_from_object(instance)) for field in fields]

    def before_save(instance: Model, raw: bool = False, **_: object) -> None:
        stored = None if raw or instance._state.adding else model._default_manager.filter(pk=instance.pk).first()
        setattr(instance, BEFORE, stored)

    def saved(instance: Model, raw: bool = False, **_: object) -> None:
        stored: Model | None = getattr(instance, BEFORE, None)
        if raw or (stored is not None and seen(stored) == seen(instance)):
            return
        states = [state for state in (stored, instance) if state is not None]
        changed(list(dict.fromkeys(watched.span_of(state) for state in states)))

    def deleted(instance: Model, **_: object) -> None:
        changed([watched.span_of(instance)])

    name = f"channel_sync.{model._meta.label_lower}"
    pre_save.connect(before_save, sender=model, weak=False, dispatch_uid=f"{name}.pre")
    post_save.connect(saved, sender=model, weak=False, dispatch_uid=f"{name}.post")
    post_delete.connect(deleted, sender=model, weak=False, dispatch_uid=f"{name}.gone")
