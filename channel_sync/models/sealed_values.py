"""Encrypted values as they are stored, whether the keys of the settings decrypt them or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Model, QuerySet, TextField
from django.db.models.functions import Cast

from channel_sync.errors import SecretUnreadable
from channel_sync.models.account import ChannelAccount
from channel_sync.models.connection import ChannelConnection
from channel_sync.models.encryption_keys import opening_keys
from channel_sync.models.secret import secret_columns
from channel_sync.models.subscription import WebhookSubscription

TABLES: tuple[type[Model], ...] = (ChannelConnection, ChannelAccount, WebhookSubscription)
# Whether the keys are wrong shows in the first that can be read; health looks at no more of each column.
LOOKED_AT = 200


@dataclass(frozen=True)
class SealedValue:
    """One ciphertext, and where it is stored."""

    model: type[Model]
    column: str
    row_id: object
    ciphertext: str = field(repr=False)

    @property
    def where(self) -> str:
        """Table, column and row."""
        return f"{self.model._meta.db_table}.{self.column} of row {self.row_id}"

    @property
    def unreadable(self) -> SecretUnreadable | None:
        """Why it cannot be decrypted; None where it can."""
        try:
            opening_keys().decrypt(self.ciphertext.encode())
        except (InvalidToken, UnicodeError, ImproperlyConfigured):
            return SecretUnreadable(self.where)
        return None


def sealed_values() -> Iterator[SealedValue]:
    """Every stored token and webhook secret, table by table in the order of their keys; rows are not locked."""
    for model in TABLES:
        for column in secret_columns(model):
            for row_id, ciphertext in as_stored(model, column.name).order_by("pk").iterator():
                yield SealedValue(model, column.column, row_id, ciphertext)


def _first_values(at_most: int) -> Iterator[SealedValue]:
    """The same for the first rows of each column, a plain statement each."""
    for model in TABLES:
        for column in secret_columns(model):
            for row_id, ciphertext in as_stored(model, column.name).order_by("pk")[:at_most]:
                yield SealedValue(model, column.column, row_id, ciphertext)


def sealed_value(before: SealedValue) -> SealedValue | None:
    """The same column of the same row as it is now; None where it holds nothing any more."""
    for row_id, ciphertext in as_stored(before.model, before.column).filter(pk=before.row_id):
        return SealedValue(before.model, before.column, row_id, ciphertext)
    return None


def count_sealed() -> int:
    """How many values are stored."""
    return sum(as_stored(model, column.name).count() for model in TABLES for column in secret_columns(model))


def as_stored(model: type[Model], column: str) -> QuerySet[Model, tuple[object, str]]:
    """Primary key and ciphertext of the rows that have a value."""
    rows: QuerySet[Model] = model._default_manager.exclude(**{f"{column}__isnull": True})
    sealed: QuerySet[Model, tuple[object, str]] = rows.annotate(sealed=Cast(F(column), TextField())).values_list(
        "pk", "sealed"
    )
    return sealed


def count_unreadable(at_most: int = LOOKED_AT) -> int:
    """How many of the first values of each column cannot be decrypted."""
    return sum(value.unreadable is not None for value in _first_values(at_most))


def keys_are_wrong() -> bool:
    """Whether something is stored, and the keys of this process decrypt nothing of it; one statement if they do."""
    looked_at = 0
    for value in _first_values(LOOKED_AT):
        if value.unreadable is None:
            return False
        looked_at += 1
    return looked_at > 0
