"""What the triggers of a table look like; `installation.py` compares it with what the database has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Model

from channel_sync.models import CapturedChange, ReservationLink
from channel_sync.pms import host_pms

# Triggers fire in the order of their names. These come before "RI_ConstraintTrigger…", which takes a deleted
# reservation out of its links.
ROWS_TRIGGER = "CHANNEL_SYNC_CAPTURE_ROWS"
UPDATE_TRIGGER = "CHANNEL_SYNC_CAPTURE_UPDATE"
TRIGGER_NAMES = (ROWS_TRIGGER, UPDATE_TRIGGER)
FUNCTION = "channel_sync_capture"

# SECURITY DEFINER: another program's role may write the host's tables and not ours.
CREATE_FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    old_row jsonb;
    new_row jsonb;
    row_pk text;
    links uuid[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        old_row := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_row := to_jsonb(NEW);
    END IF;
    row_pk := coalesce(new_row, old_row) ->> TG_ARGV[1];
    IF TG_OP = 'DELETE' AND TG_ARGV[2] = 'with links' THEN
        links := ARRAY(SELECT id FROM {links} WHERE reservation_id = row_pk::uuid);
    END IF;
    INSERT INTO {changes} (model, operation, row_pk, old_row, new_row, links, origin, transaction_id)
    VALUES (
        TG_ARGV[0], TG_OP, row_pk, old_row, new_row, links,
        nullif(current_setting('channel_sync.origin', true), '')::uuid, pg_current_xact_id()::text::bigint
    );
    RETURN NULL;
END
$function$
"""
REVOKE_FUNCTION = "REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"
CREATE_ROWS_TRIGGER = """
CREATE TRIGGER "{name}" AFTER INSERT OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}({arguments})
"""
CREATE_UPDATE_TRIGGER = """
CREATE TRIGGER "{name}" AFTER UPDATE ON {table}
FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {function}({arguments})
"""
# Compares the bytes: IS DISTINCT FROM fails on columns without an equality, such as json.
ANYTHING_CHANGED = "OLD.* *<> NEW.*"
# Named columns in the condition would forbid ALTER COLUMN TYPE to the host's migrations.
WATCHED_CHANGED = "(to_jsonb(OLD) - {ignored}) IS DISTINCT FROM (to_jsonb(NEW) - {ignored})"


@dataclass(frozen=True)
class CapturedTable:
    """A table that is followed; `fields` are those whose changes matter, None for all."""

    model: type[Model]
    fields: frozenset[str] | None = None
    has_links: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", connection.ops.quote_name(self.model._meta.db_table))

    def definitions(self, function: str) -> dict[str, str]:
        """The statements that make the triggers, by their names; `function` is qualified and quoted."""
        common = {"table": self.name, "function": function, "arguments": self._arguments()}
        return {
            ROWS_TRIGGER: CREATE_ROWS_TRIGGER.format(name=ROWS_TRIGGER, **common),
            UPDATE_TRIGGER: CREATE_UPDATE_TRIGGER.format(name=UPDATE_TRIGGER, changed=self._changed(), **common),
        }

    def _arguments(self) -> str:
        arguments = [self.model._meta.label, _pk_column(self.model)]
        return ", ".join(_literal(text) for text in [*arguments, *(["with links"] if self.has_links else [])])

    def _changed(self) -> str:
        if self.fields is None:
            return ANYTHING_CHANGED
        ignored = sorted(str(one.column) for one in self.model._meta.concrete_fields if one.name not in self.fields)
        columns = ", ".join(_literal(column) for column in ignored)
        return WATCHED_CHANGED.format(ignored=f"ARRAY[{columns}]::text[]")


def captured_tables() -> list[CapturedTable]:
    """The reservations' table, and those of the models that the host watches.

    A model that inherits from another table is left out: its rows are in two places. Signals follow it.
    """
    reservation = apps.get_model(settings.CHANNEL_SYNC_RESERVATION_MODEL)
    watched = host_pms().watched_models()
    fields: dict[type[Model], frozenset[str]] = {}
    for followed in (watched.availability, watched.rates):
        for model, its in followed.items():
            fields[model] = fields.get(model, frozenset()) | frozenset(its.fields)
    tables = [CapturedTable(reservation, has_links=True)]
    tables += [CapturedTable(model, names) for model, names in fields.items() if model is not reservation]
    return [table for table in tables if not table.model._meta.get_parent_list()]


def function_definition(schema: str) -> str:
    """The statement that makes the trigger function, beside our tables in their schema."""
    quote = connection.ops.quote_name
    inside = quote(schema)
    return CREATE_FUNCTION.format(
        function=function_name(schema),
        changes=f"{inside}.{quote(CapturedChange._meta.db_table)}",
        links=f"{inside}.{quote(ReservationLink._meta.db_table)}",
    )


def function_name(schema: str) -> str:
    """The function, qualified and quoted."""
    return f"{connection.ops.quote_name(schema)}.{FUNCTION}"


def fingerprint(definition: str) -> str:
    """What the comment on a trigger or a function says while it is made by this definition."""
    return f"channel_sync {hashlib.sha256(definition.encode()).hexdigest()[:16]}"


def _pk_column(model: type[Model]) -> str:
    key: Any = model._meta.pk
    return str(key.column)


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
