"""Foreign keys whose ON DELETE the database carries out (Django 5.2 emulates it in Python only)."""

from __future__ import annotations

from typing import Any, Literal

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OnDelete = Literal["CASCADE", "SET NULL", "NO ACTION"]


class DatabaseForeignKey(Operation):
    """Migration operation: `FOREIGN KEY … REFERENCES … ON DELETE …` for a field with `db_constraint=False`.

    The referenced table is read from the model state, so host models named in settings work. Reversible.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str, field_name: str, on_delete: OnDelete) -> None:
        self.model_name = model_name
        self.field_name = field_name
        self.on_delete = on_delete

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model state does not change: the constraint lives in the database alone."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the constraint; it is checked at commit, as Django's own foreign keys are."""
        model, field, quote = self._parts(app_label, schema_editor, to_state)
        target = field.related_model
        schema_editor.execute(
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self._name(model, field))} "
            f"FOREIGN KEY ({quote(field.column)}) "
            f"REFERENCES {quote(target._meta.db_table)} ({quote(target._meta.pk.column)}) "
            f"ON DELETE {self.on_delete} DEFERRABLE INITIALLY DEFERRED"
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the constraint."""
        model, field, quote = self._parts(app_label, schema_editor, from_state)
        schema_editor.execute(
            f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self._name(model, field))}"
        )

    def describe(self) -> str:
        """One line for the output of `migrate`."""
        return f"Foreign key {self.model_name}.{self.field_name} ON DELETE {self.on_delete}"

    def _parts(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> tuple[type[models.Model], Any, Any]:
        model = state.apps.get_model(app_label, self.model_name)
        return model, model._meta.get_field(self.field_name), schema_editor.connection.ops.quote_name

    @staticmethod
    def _name(model: type[models.Model], field: Any) -> str:
        return f"{model._meta.db_table}_{field.column}_fkey"
