"""The column type of tokens and webhook secrets, and the manager that reads them only when they are asked for."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from cryptography.fernet import InvalidToken, MultiFernet
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from encrypted_fields.fields import EncryptedTextField

from channel_sync.errors import SecretUnreadable
from channel_sync.models.encryption_keys import opening_keys

Row = TypeVar("Row", bound=models.Model)

COLUMN = re.compile(r'("[^"]+")\."[^"]+"')
# Between a ciphertext and the row that it was read of; no ciphertext has one.
OF_ROW = " "


class SecretTextField(EncryptedTextField):  # type: ignore[misc]
    """Text that is encrypted at rest with `SECRET_KEY` and `SALT_KEY`; older ones of both still decrypt.

    Reading a value that no key decrypts raises `SecretUnreadable`, which names its row: the base class would hand out
    the ciphertext as if it were the secret.
    """

    @property
    def f(self) -> MultiFernet:
        """The keys of the settings as they are now."""
        return opening_keys()

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Every read brings the primary key of the row along, for the error."""
        sql, params = super().select_format(compiler, sql, params)
        table = COLUMN.fullmatch(sql)
        if table is None:
            return sql, params
        row = f"{table[1]}.{compiler.quote_name_unless_alias(self.model._meta.pk.column)}"
        return f"{sql} || '{OF_ROW}' || {row}::text", params

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The secret."""
        if value is None:
            return None
        sealed, _, row = value.rpartition(OF_ROW)
        try:
            return self.f.decrypt((sealed or row).encode()).decode()
        except (InvalidToken, UnicodeError, ImproperlyConfigured):
            named = f" of row {row}" if sealed else ""
            raise SecretUnreadable(f"{self.model._meta.db_table}.{self.column}{named}") from None

    def to_python(self, value: Any) -> Any:
        """What a form or a fixture holds is no ciphertext."""
        return models.TextField.to_python(self, value)


class SecretsOnDemand(models.Manager[Row]):
    """Loads a secret when it is asked for: a row whose secret cannot be read can still be listed, saved and deleted."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """All rows, their secrets deferred."""
        secrets = [field.name for field in secret_columns(self.model)]
        return super().get_queryset().defer(*secrets)


def secret_columns(model: type[models.Model]) -> list[SecretTextField]:
    """The columns of a table that are encrypted."""
    return [field for field in model._meta.concrete_fields if isinstance(field, SecretTextField)]
