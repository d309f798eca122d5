"""System checks: a wrong setting is told at start-up, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import UUIDField
from django.utils.module_loading import import_string

from channel_sync.capture.states import TableState, capture_states, our_schema
from channel_sync.conf import HOST_MODEL_SETTINGS, channel_sync_settings
from channel_sync.errors import ConfigurationError
from channel_sync.models.encryption_keys import require_keys
from channel_sync.models.sealed_values import TABLES, sealed_values
from channel_sync.models.secret import secret_columns

HINT = "See docs/settings.md."
NAMED_AT_MOST = 20


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


def check_secrets(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Stored tokens and webhook secrets that cannot be decrypted; asked of the database, as `check_capture` is.

    Warnings: an old secret of one property must not keep `migrate` from running.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or not settings_are_sound() or not _has_secrets():
        return []
    problems = (value.unreadable for value in sealed_values())
    return [
        CheckWarning(str(error), hint='See docs/operations.md, "Keys".', id="channel_sync.W004")
        for error in islice((one for one in problems if one is not None), NAMED_AT_MOST)
    ]


def _has_secrets() -> bool:
    """Whether the tables are there as they are now: `migrate` checks before it makes and changes them."""
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        for model in TABLES:
            table = model._meta.db_table
            if table not in present:
                return False
            columns = {column.name for column in connection.introspection.get_table_description(cursor, table)}
            if not columns >= {field.column for field in secret_columns(model)}:
                return False
    return True


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
    try:
        require_keys()
    except ImproperlyConfigured as error:
        yield Error(
            f"Tokens and webhook secrets cannot be encrypted: {error}",
            hint='Set SALT_KEY to a list of texts, the first of which encrypts. See docs/operations.md, "Keys".',
            id="channel_sync.E005",
        )
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
