"""The catalogue of PostgreSQL, compared with tables that are made by hand beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

PLAN = Path(__file__).with_name("plan_tables.sql").read_text()
TABLES = (
    "channel_properties",
    "channel_mappings",
    "channel_events",
    "inventory_holds",
    "rate_limit_buckets",
)

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
SELECT contype::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass
"""
INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND c.relname LIKE 'idx%%'
"""


@pytest.fixture
def plan_schema(db: None) -> Iterator[None]:
    """The tables as SQL in a schema of their own; the test's transaction takes them away."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA plan; SET search_path TO plan")
        cursor.execute(PLAN)
        cursor.execute("SET search_path TO pg_catalog")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path; DROP SCHEMA plan CASCADE")


def _rows(statement: str, schema: str, table: str) -> set[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"{schema}.{table}"])
        return {
            tuple(_plain(value, schema) if isinstance(value, str) else value for value in row)
            for row in cursor.fetchall()
        }


def _plain(definition: str, schema: str) -> str:
    """Without what may differ: the schema's name, the deferral of Django's keys, who made gen_random_uuid()."""
    return re.sub(rf"\b{schema}\.", "", definition).replace(" DEFERRABLE INITIALLY DEFERRED", "")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("plan_schema")
def test_columns_types_and_defaults_are_those_of_the_plan(table: str) -> None:
    planned = _rows(COLUMNS, "plan", table)

    assert planned
    assert planned <= _rows(COLUMNS, "public", table)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("plan_schema")
def test_checks_keys_and_on_delete_are_those_of_the_plan(table: str) -> None:
    ours = {(kind, _sorted_values(text)) for kind, text in _rows(CONSTRAINTS, "public", table)}
    planned = {(kind, _sorted_values(text)) for kind, text in _rows(CONSTRAINTS, "plan", table)}

    assert planned
    assert planned <= ours


@pytest.mark.parametrize("table", [table for table in TABLES if table != "rate_limit_buckets"])
@pytest.mark.usefixtures("plan_schema")
def test_every_index_of_the_plan_is_there_by_its_name(table: str) -> None:
    planned = _rows(INDEXES, "plan", table)

    assert planned
    assert planned <= _rows(INDEXES, "public", table)


@pytest.mark.usefixtures("plan_schema")
def test_reservations_have_a_version() -> None:
    assert ("version", "integer", False, "1") in _rows(COLUMNS, "public", "reservations")


def _sorted_values(definition: object) -> str:
    """The values of an IN list in one order: the order has no meaning."""
    text = str(definition)
    values = sorted(re.findall(r"'[a-z_]+'", text))
    return re.sub(r"ARRAY\[.*\]", f"ARRAY{values}", text)
