"""Table `channel_stored_answers`: what was answered to a request that carried an `Idempotency-Key`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column


class StoredAnswer(models.Model):
    """The first answer to a key of a user. It may name a guest, and is deleted after a day."""

    id = models.BigAutoField(primary_key=True)
    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    status = models.SmallIntegerField()
    body = models.JSONField(null=True, help_text="Null where the answer was too large, or held a secret.")
    headers = models.JSONField(db_default={})
    properties = ArrayField(
        models.UUIDField(), null=True, help_text="Of the PMS: who has no right on one of them is not answered again."
    )
    created_at = created_at_column()

    class Meta:
        db_table = "channel_stored_answers"
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="channel_stored_answers_user_key")]
        indexes = [NamedIndex(fields=["created_at"], name="idx_channel_stored_answers_created_at")]

    def __str__(self) -> str:
        return f"Answer {self.id}"
