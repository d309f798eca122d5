"""Model instances made of captured rows, as a query would make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import BinaryField, Field, JSONField, Model, prefetch_related_objects


def instance_of(model: type[Model], row: Mapping[str, Any], like: Model | None = None) -> Model:
    """The instance that a row holds; related objects are those that `like` has loaded, where the keys are the same.

    A column that the row does not have, since it was captured before a migration, has its field's default.
    """
    fields: Sequence[Field[Any, Any]] = model._meta.concrete_fields
    values = [_value(field, row[str(field.column)]) if field.column in row else field.get_default() for field in fields]
    made = model.from_db(connection.alias, [field.attname for field in fields], values)
    if like is not None:
        _share_related(made, like, fields)
    return made


def load_related(model: type[Model], instances: Sequence[Model]) -> None:
    """Load what the instances' foreign keys point to, in one statement per key; what is gone stays away."""
    keys = [field.name for field in model._meta.concrete_fields if field.is_relation]
    if instances and keys:
        prefetch_related_objects(list(instances), *keys)


def _share_related(made: Model, like: Model, fields: Sequence[Field[Any, Any]]) -> None:
    for field in fields:
        if field.is_relation and field.is_cached(like):  # type: ignore[attr-defined]
            related = field.get_cached_value(like)  # type: ignore[attr-defined]
            target: str = field.target_field.attname  # type: ignore[attr-defined]
            if related is not None and getattr(related, target) == getattr(made, field.attname):
                field.set_cached_value(made, related)  # type: ignore[attr-defined]


def _value(field: Field[Any, Any], stored: Any) -> Any:
    """What the field makes of the column's value in JSON."""
    if stored is None or isinstance(field, JSONField):
        return stored
    if isinstance(field, BinaryField):
        return bytes.fromhex(stored.removeprefix("\\x"))
    from_database = getattr(field, "from_db_value", None)
    if from_database is not None:
        return from_database(stored, None, connection)
    return field.to_python(stored)
