"""How the triggers stand in the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.core.signals import setting_changed
from django.db import connection
from django.db.models import Model

from channel_sync.capture.triggers import (
    CapturedTable,
    captured_tables,
    fingerprint,
    function_definition,
    function_name,
)
from channel_sync.conf import channel_sync_settings

SCHEMA = """
SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('channel_changes')
"""
FUNCTION_COMMENT = "SELECT obj_description(to_regprocedure(%s), 'pg_proc')"
TRIGGERS = """
SELECT wanted.name, to_regclass(wanted.name) IS NOT NULL, t.tgname, obj_description(t.oid, 'pg_trigger'), t.tgenabled
FROM unnest(%s::text[]) AS wanted (name)
LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass(wanted.name) AND t.tgfoid = to_regprocedure(%s)
"""
OBSOLETE_TRIGGERS = """
SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t
WHERE t.tgfoid = to_regprocedure(%s) AND t.tgrelid <> ALL(
    SELECT to_regclass(wanted.name) FROM unnest(%s::text[]) AS wanted (name) WHERE to_regclass(wanted.name) IS NOT NULL
)
ORDER BY 1
"""
# ALTER TABLE … DISABLE TRIGGER.
DISABLED = "D"


class TableState(StrEnum):
    """How the triggers of a table stand."""

    CURRENT = "current"
    MISSING = "missing"
    OUTDATED = "outdated"
    DISABLED = "disabled"
    OBSOLETE = "obsolete"  # The host follows the table no more.
    NO_TABLE = "no table"  # The host has not migrated it yet.


@dataclass(frozen=True)
class _Trigger:
    comment: str | None
    is_enabled: bool


# Tables known to be captured, by the database's and the model's name.
_captured: set[tuple[str, str]] = set()


def captures(model: type[Model]) -> bool:
    """Whether writes of a model are captured; asks the database until they are, then remembers it."""
    if not channel_sync_settings().capture:
        return False
    return _key(model) in _captured or still_captures(model)


def still_captures(model: type[Model]) -> bool:
    """The same, asked of the database now: the triggers may have been removed by another process."""
    _captured.discard(_key(model))
    schema = our_schema()
    if schema is None or not channel_sync_settings().capture:
        return False
    name = connection.ops.quote_name(model._meta.db_table)
    _, found = _triggers([name], function_name(schema))
    triggers = found.get(name, {}).values()
    is_captured = len(triggers) == len(CapturedTable(model).definitions("")) and all(one.is_enabled for one in triggers)
    if is_captured:
        _captured.add(_key(model))
    return is_captured


def forget_captures() -> None:
    """Ask the database again: the triggers have been changed."""
    _captured.clear()


def capture_states() -> dict[str, TableState]:
    """How each followed table stands, by its quoted name, and each that still has triggers and is followed no more."""
    schema = our_schema()
    tables = captured_tables()
    if schema is None:
        return {table.name: TableState.MISSING for table in tables}
    function = function_name(schema)
    exists, found = _triggers([table.name for table in tables], function)
    is_current = is_function_current(schema)
    states = {
        table.name: _state(table, function, found.get(table.name, {}), is_current)
        if exists[table.name]
        else TableState.NO_TABLE
        for table in tables
    }
    with connection.cursor() as cursor:
        cursor.execute(OBSOLETE_TRIGGERS, [f"{function}()", list(states)])
        return states | {name: TableState.OBSOLETE for (name,) in cursor.fetchall()}


def our_schema() -> str | None:
    """The schema of our tables; None before the migration that makes the table of captured rows."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        row = cursor.fetchone()
    return row[0] if row else None


def is_function_current(schema: str) -> bool:
    """Whether the trigger function is the one of this release."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTION_COMMENT, [f"{function_name(schema)}()"])
        row = cursor.fetchone()
    return bool(row) and row[0] == fingerprint(function_definition(schema))


def _key(model: type[Model]) -> tuple[str, str]:
    return str(connection.settings_dict["NAME"]), model._meta.label


def _state(table: CapturedTable, function: str, found: dict[str, _Trigger], is_function_current: bool) -> TableState:
    wanted = {name: fingerprint(definition) for name, definition in table.definitions(function).items()}
    if not found.keys() >= wanted.keys():
        return TableState.MISSING
    if not all(one.is_enabled for one in found.values()):
        return TableState.DISABLED
    same = {name: one.comment for name, one in found.items()} == wanted
    return TableState.CURRENT if same and is_function_current else TableState.OUTDATED


def _triggers(names: list[str], function: str) -> tuple[dict[str, bool], dict[str, dict[str, _Trigger]]]:
    """Which of the tables exist, and their triggers that run our function."""
    exists: dict[str, bool] = {}
    found: dict[str, dict[str, _Trigger]] = {}
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS, [names, f"{function}()"])
        for name, is_there, trigger, comment, enabled in cursor.fetchall():
            exists[name] = is_there
            if trigger is not None:
                found.setdefault(name, {})[trigger] = _Trigger(comment, enabled != DISABLED)
    return exists, found


def _forget(*, setting: str, **_: object) -> None:
    if setting == "CHANNEL_SYNC":
        forget_captures()


setting_changed.connect(_forget, dispatch_uid="channel_sync.capture")
