"""Webhook subscriptions and how their deliveries went."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.rights import access, require_role_somewhere
from channel_sync.admin.role_admin import RoleAdmin, badge, refusals_told
from channel_sync.errors import AddressRefused
from channel_sync.models import NotificationKind, Role, WebhookDelivery, WebhookSubscription
from channel_sync.subscriptions.address import require_sendable
from channel_sync.subscriptions.changes import change as change_subscription
from channel_sync.subscriptions.changes import rotate, send_again, send_test, subscribe, unsubscribe

# Each of them waits for its receiver.
MOST_AT_ONCE = 5


class SubscriptionForm(forms.ModelForm):
    """Where to, what of, and whether at all."""

    url = forms.URLField(max_length=1000, assume_scheme="https")
    kinds = forms.MultipleChoiceField(
        choices=NotificationKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing but these; everything where none is chosen.",
    )

    class Meta:
        model = WebhookSubscription
        fields = ("url", "kinds", "channel_property", "is_active")

    def clean_url(self) -> str:
        """An address that may be sent to."""
        url: str = self.cleaned_data["url"]
        try:
            require_sendable(url)
        except AddressRefused as error:
            raise ValidationError(str(error)) from error
        return url


class ForAdministrators(RoleAdmin):
    """Nobody else sees these pages."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of properties that the user administers."""
        return access(request).limit(self.model._default_manager.all(), Role.ADMINISTRATOR)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR, obj)


@admin.register(WebhookSubscription)
class SubscriptionAdmin(ForAdministrators):
    """Who is sent what happens."""

    form = SubscriptionForm
    list_display = ("url", "state", "channel_property", "owner", "last_delivered_at", "failures", "next_attempt_at")
    list_filter = ("is_active", BY_PROPERTY)
    list_select_related = ("channel_property", "owner")
    ordering = ("-created_at",)
    readonly_fields = ("owner", "switched_off", "last_delivered_at", "failures", "failing_since", "next_attempt_at")
    actions = ("send_test", "rotate_secret")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators."""
        return self.holds(request, Role.ADMINISTRATOR, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """With the properties that the user administers; one has to be chosen unless that is all."""
        form = super().get_form(request, obj, change, **options)
        if "channel_property" in form.base_fields:
            field: Any = form.base_fields["channel_property"]
            field.queryset = access(request).properties(Role.ADMINISTRATOR)
            field.required = not access(request).is_for_all(Role.ADMINISTRATOR)
        return form

    @admin.display(description="state", ordering="is_active")
    def state(self, subscription: WebhookSubscription) -> SafeString:
        """Whether it is sent anything, and if not, why."""
        if not subscription.is_active:
            return badge("failed", subscription.get_switched_off_display() or "switched off")
        return badge("retrying", "not taken, tried again") if subscription.failures else badge("done", "on")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make it, with a secret that is shown on the next page only; or change it."""
        wanted = {name: form.cleaned_data[name] for name in ("url", "kinds", "channel_property")}
        if not change:
            made = subscribe(request.user, **wanted)
            obj.pk = made.subscription.pk
            messages.warning(request, f"Its secret is shown only now: {made.secret}")
            if not form.cleaned_data["is_active"]:
                change_subscription(made.subscription, request.user, is_active=False)
            return
        before = WebhookSubscription.objects.get(pk=obj.pk)
        if form.cleaned_data["is_active"] != before.is_active:
            wanted["is_active"] = form.cleaned_data["is_active"]
        change_subscription(before, request.user, **wanted)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The notes of its deliveries go with it, though nobody may delete one by itself."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Unsubscribe."""
        unsubscribe(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Unsubscribe each."""
        for subscription in queryset:
            unsubscribe(subscription, request.user)

    @admin.action(description="Send a test now")
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """How it went is a message."""
        require_role_somewhere(request, Role.ADMINISTRATOR)
        for subscription in queryset[:MOST_AT_ONCE]:
            _told(request, send_test(subscription, request.user))

    @admin.action(description="Give a new secret")
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """The secret is in a message, and nowhere else."""
        require_role_somewhere(request, Role.ADMINISTRATOR)
        for subscription in queryset[:MOST_AT_ONCE]:
            rotated = rotate(subscription, request.user)
            messages.warning(request, f"The new secret of {subscription} is shown only now: {rotated.secret}")


@admin.register(WebhookDelivery)
class DeliveryAdmin(ForAdministrators):
    """Attempts to deliver."""

    list_display = ("created_at", "subscription", "kind", "webhook_id", "outcome", "duration_ms", "error")
    list_filter = ("succeeded", "kind")
    list_select_related = ("subscription",)
    ordering = ("-created_at", "-id")
    actions = ("send_again",)

    @admin.display(description="outcome", ordering="status_code")
    def outcome(self, delivery: WebhookDelivery) -> SafeString:
        """The answer, if there was one."""
        return badge("done" if delivery.succeeded else "failed", str(delivery.status_code or "no answer"))

    @admin.action(description="Send once more")
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Out of order, under the same webhook-id; how it went is a message."""
        require_role_somewhere(request, Role.ADMINISTRATOR)
        for delivery in queryset[:MOST_AT_ONCE]:
            with refusals_told(request):
                _told(request, send_again(delivery, request.user))


def _told(request: HttpRequest, delivery: WebhookDelivery) -> None:
    level = messages.SUCCESS if delivery.succeeded else messages.ERROR
    answer = f"answered {delivery.status_code}" if delivery.status_code else delivery.error
    messages.add_message(request, level, f"{delivery.subscription}: {answer} in {delivery.duration_ms} ms.")
