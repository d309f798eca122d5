"""Tables `channel_webhook_subscriptions` and `channel_webhook_deliveries`: who is sent what, and how it went."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import (
    NamedIndex,
    created_at_column,
    noted_at_column,
    updated_at_column,
    uuid_primary_key,
)
from channel_sync.models.notification import NotificationKind
from channel_sync.models.property import ChannelProperty
from channel_sync.models.secret import SecretsOnDemand, SecretTextField


class SwitchedOff(models.TextChoices):
    """Why a subscription is sent nothing any more."""

    BY_HAND = "by_hand", "Somebody switched it off."
    NO_ANSWER = "no_answer", "Its receiver did not take deliveries for too long."
    GONE = "gone", "Its receiver answered 410 Gone."
    OWNER = "owner", "Whoever made it may not see its properties any more."


class WebhookSubscription(models.Model):
    """An address that is sent notifications in their order, each until it has been taken.

    `cursor` is the position of the last one that was. While it is being worked, `lease_holder` has it until
    `lease_expires_at`; after a failure it rests until `next_attempt_at`. It is sent what its owner may see.
    """

    id = uuid_primary_key()
    url = models.URLField(max_length=1000)
    secret = SecretTextField()
    secret_previous = SecretTextField(null=True)
    secret_previous_until = models.DateTimeField(null=True, help_text="Deliveries are signed with both until then.")
    kinds = models.JSONField(default=list, db_default=[], blank=True, help_text="Empty: all.")
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="webhook_subscriptions",
        help_text="Empty: every property that its owner may see.",
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    is_active = models.BooleanField(default=True, db_default=True)
    switched_off = models.CharField(max_length=20, choices=SwitchedOff, blank=True, default="", db_default="")
    cursor = models.BigIntegerField(default=0, db_default=0, editable=False)
    failures = models.IntegerField(default=0, db_default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    lease_holder = models.CharField(max_length=255, null=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    last_delivered_at = models.DateTimeField(null=True, editable=False)
    created_at = created_at_column()
    updated_at = updated_at_column()

    objects = SecretsOnDemand()

    class Meta:
        db_table = "channel_webhook_subscriptions"
        verbose_name = "webhook subscription"

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One attempt to deliver one notification, or a test; bodies are not kept."""

    id = uuid_primary_key()
    subscription = models.ForeignKey(WebhookSubscription, on_delete=models.CASCADE, related_name="deliveries")
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        help_text="The subscription's own, at that time.",
    )
    notification_id = models.BigIntegerField(null=True, help_text="Empty: a test.")
    kind = models.CharField(max_length=50, choices=[*NotificationKind.choices, ("test", "a test")])
    webhook_id = models.CharField(max_length=100, help_text="The same in every attempt.")
    succeeded = models.BooleanField()
    status_code = models.IntegerField(null=True, help_text="Empty: there was no answer.")
    error = models.CharField(max_length=255, blank=True, default="", db_default="")
    duration_ms = models.IntegerField()
    created_at = noted_at_column()

    class Meta:
        db_table = "channel_webhook_deliveries"
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        indexes = [
            NamedIndex(fields=["subscription", "-created_at"], name="idx_channel_webhook_deliveries_subscription"),
            NamedIndex(fields=["created_at"], name="idx_channel_webhook_deliveries_created"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.webhook_id}: {self.status_code or self.error}"
