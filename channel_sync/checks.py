"""System checks: a wrong setting is told at start-up, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db.models import UUIDField
from django.utils.module_loading import import_string

from channel_sync.conf import HOST_MODEL_SETTINGS, channel_sync_settings
from channel_sync.errors import ConfigurationError

HINT = "See docs/settings.md."


def check_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """All problems of our settings."""
    return list(_problems())


def settings_are_sound() -> bool:
    """Whether the app can follow the host's models; if not, `manage.py check` says why."""
    return not check_settings()


def _problems() -> Iterator[CheckMessage]:
    try:
        checked = channel_sync_settings()
    except ConfigurationError as error:
        yield Error(str(error), hint=HINT, id="channel_sync.E001")
        return
    for name in HOST_MODEL_SETTINGS:
        yield from _host_model_problems(name)
    for path in (checked.pms, *checked.channels.values()):
        try:
            import_string(path)
        except ImportError as error:
            yield Error(f"'{path}' in settings.CHANNEL_SYNC cannot be imported: {error}.", id="channel_sync.E003")


def _host_model_problems(name: str) -> Iterator[CheckMessage]:
    label = getattr(settings, name, None)
    try:
        model = apps.get_model(str(label))
    except (LookupError, ValueError):
        yield Error(
            f"settings.{name} is {label!r}, which is no model.",
            hint=f"Set it to 'app.Model'. {HINT}",
            id="channel_sync.E002",
        )
        return
    if not isinstance(model._meta.pk, UUIDField):
        yield Error(
            f"The primary key of {label} (settings.{name}) is no UUIDField.",
            hint="channel_sync keeps host ids as uuid. Give the model a UUID primary key.",
            id="channel_sync.E004",
        )
