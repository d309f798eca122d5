"""System checks: a wrong setting is told at start-up, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS
from django.db.models import UUIDField
from django.utils.module_loading import import_string

from channel_sync.capture.states import TableState, capture_states, our_schema
from channel_sync.conf import HOST_MODEL_SETTINGS, channel_sync_settings
from channel_sync.errors import ConfigurationError

HINT = "See docs/settings.md."


def check_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """All problems of our settings."""
    return list(_problems())


def check_capture(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Tables whose writes are not captured; asked of the database, so only by `manage.py check --database default`.

    Warnings: `migrate` looks here before it installs the triggers.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or not settings_are_sound() or our_schema() is None:
        return []
    is_wanted = channel_sync_settings().capture
    return [
        _capture_problem(name, state, is_wanted)
        for name, state in capture_states().items()
        if state is not (TableState.CURRENT if is_wanted else TableState.MISSING) and state is not TableState.NO_TABLE
    ]


def _capture_problem(name: str, state: TableState, is_wanted: bool) -> CheckMessage:
    if not is_wanted:
        return CheckWarning(
            f"The setting 'capture' is off, and the triggers of {name} still capture its writes.",
            hint="Run 'manage.py migrate' or 'manage.py channel_sync_capture remove'.",
            id="channel_sync.W003",
        )
    hint = "Run 'manage.py migrate' or 'manage.py channel_sync_capture install'."
    if state in (TableState.MISSING, TableState.DISABLED):
        text = f"The triggers of {name} are {state}: writes that send no signal do not reach the channels."
        return CheckWarning(text, hint=hint, id="channel_sync.W001")
    return CheckWarning(f"The triggers of {name} are {state}.", hint=hint, id="channel_sync.W002")


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
