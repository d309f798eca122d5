"""Install and remove the triggers that capture writes; `migrate` installs them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_migrate
from psycopg.errors import LockNotAvailable

from channel_sync.capture.states import (
    TableState,
    capture_states,
    forget_captures,
    is_function_current,
    our_schema,
)
from channel_sync.capture.triggers import (
    REVOKE_FUNCTION,
    TRIGGER_NAMES,
    CapturedTable,
    captured_tables,
    fingerprint,
    function_definition,
    function_name,
)
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import CaptureNotInstalled

# A new trigger waits for the table's writers, and further writers wait behind it.
LOCK_TIMEOUT = "10s"

DROP_FUNCTION = "DROP FUNCTION IF EXISTS {function}() CASCADE"
DROP_TRIGGER = 'DROP TRIGGER IF EXISTS "{name}" ON {table}'
COMMENT_ON_TRIGGER = "COMMENT ON TRIGGER \"{name}\" ON {table} IS '{comment}'"
COMMENT_ON_FUNCTION = "COMMENT ON FUNCTION {function}() IS '{comment}'"
SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %s, true)"


def install_capture() -> list[str]:
    """Make what is missing or outdated, leave what is current alone; the names of the tables that were touched.

    Each table is locked for a moment, one after the other. Raises `CaptureNotInstalled` when one stays in use, and when
    our own tables are not migrated.
    """
    schema = our_schema()
    if schema is None:
        raise CaptureNotInstalled("Table channel_changes does not exist. Run 'manage.py migrate channel_sync' first.")
    if not is_function_current(schema):
        _install_function(schema)
    states = capture_states()
    touched = []
    for table in captured_tables():
        if states[table.name] not in (TableState.CURRENT, TableState.NO_TABLE):
            with _locking(table.name):
                _install(table, function_name(schema))
            touched.append(table.name)
    for name, state in states.items():
        if state is TableState.OBSOLETE:
            with _locking(name):
                _drop_triggers(name)
            touched.append(name)
    forget_captures()
    return touched


def remove_capture() -> list[str]:
    """Drop all triggers and their function; the names of the tables that had them. Captured rows stay."""
    schema = our_schema()
    if schema is None:
        return []
    nothing = (TableState.MISSING, TableState.NO_TABLE)
    had = [name for name, state in capture_states().items() if state not in nothing]
    with _locking(", ".join(had)), connection.cursor() as cursor:
        cursor.execute(DROP_FUNCTION.format(function=function_name(schema)))
    forget_captures()
    return had


def follow_migrations() -> None:
    """Connect the receiver; called once, when the apps are ready."""
    post_migrate.connect(_after_migrations, dispatch_uid="channel_sync.capture")


def _after_migrations(app_config: Any, using: str, **_: object) -> None:
    """Once per `migrate`, when the migrations of all apps are through."""
    if app_config.name != "channel_sync" or using != connection.alias:
        return
    forget_captures()
    if our_schema() is None:
        return
    if channel_sync_settings().capture:
        install_capture()
    else:
        remove_capture()


def _install_function(schema: str) -> None:
    function, definition = function_name(schema), function_definition(schema)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(definition)
        cursor.execute(REVOKE_FUNCTION.format(function=function))
        cursor.execute(COMMENT_ON_FUNCTION.format(function=function, comment=fingerprint(definition)))


def _install(table: CapturedTable, function: str) -> None:
    _drop_triggers(table.name)
    with connection.cursor() as cursor:
        for name, definition in table.definitions(function).items():
            cursor.execute(definition)
            comment = fingerprint(definition)
            cursor.execute(COMMENT_ON_TRIGGER.format(name=name, table=table.name, comment=comment))


def _drop_triggers(table: str) -> None:
    with connection.cursor() as cursor:
        for name in TRIGGER_NAMES:
            cursor.execute(DROP_TRIGGER.format(name=name, table=table))


@contextmanager
def _locking(tables: str) -> Iterator[None]:
    """A transaction that gives up where a table stays in use."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SET_LOCK_TIMEOUT, [LOCK_TIMEOUT])
            yield
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise CaptureNotInstalled(
                f"The triggers of {tables} could not be changed within {LOCK_TIMEOUT}: a transaction holds a table. "
                "Wait for it or end it, then run 'manage.py channel_sync_capture install' (or 'remove') again."
            ) from error
        raise
