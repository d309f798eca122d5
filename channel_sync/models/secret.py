"""The column type of tokens and webhook secrets, and the manager that reads them only when they are asked for."""

from __future__ import annotations

from typing import Any, TypeVar

from cryptography.fernet import InvalidToken
from django.db import models
from encrypted_fields.fields import EncryptedTextField

from channel_sync.errors import SecretUnreadable

Row = TypeVar("Row", bound=models.Model)


class SecretTextField(EncryptedTextField):  # type: ignore[misc]
    """Text that is encrypted at rest with `SECRET_KEY` and `SALT_KEY`.

    Reading a value that these keys do not decrypt raises `SecretUnreadable`: the base class would hand out the
    ciphertext as if it were the secret.
    """

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The secret."""
        if value is None:
            return None
        try:
            return self.f.decrypt(value.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise SecretUnreadable(f"{self.model._meta.db_table}.{self.column}") from None

    def to_python(self, value: Any) -> Any:
        """What a form or a fixture holds is no ciphertext."""
        return models.TextField.to_python(self, value)


class SecretsOnDemand(models.Manager[Row]):
    """Loads a secret when it is asked for: a row whose secret cannot be read can still be listed, saved and deleted."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """All rows, their secrets deferred."""
        secrets = [field.name for field in self.model._meta.concrete_fields if isinstance(field, SecretTextField)]
        return super().get_queryset().defer(*secrets)
