"""An id that counts says to one hotel how much happens in another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.db.models.fields import AutoFieldMixin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from channel_sync.models import AuditAction, Notification, WebhookDelivery, WebhookSubscription
from channel_sync.operations.audit import note
from channel_sync.operations.roles import Role
from channel_sync.subscriptions.message import new_secret
from pms_project.pms.models import DailyRate
from tests.factories import ChannelConnectionFactory
from tests.staff import works_in

OURS = ("channel_sync", "pms")
# The feed seals its places, and shows no id. SECURITY.md names the numbers of daily rates among what is not protected.
EXCEPT = {Notification, DailyRate}


def models_of_views(patterns: list[URLPattern | URLResolver]) -> Iterator[type[Model]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from models_of_views(pattern.url_patterns)
        elif (queryset := getattr(getattr(pattern.callback, "cls", None), "queryset", None)) is not None:
            yield queryset.model


def test_no_page_and_no_address_of_the_api_shows_an_id_that_counts() -> None:
    pages = {model for model in admin.site._registry if model._meta.app_label in OURS}
    inlines = {inline.model for model in pages for inline in admin.site._registry[model].inlines}
    shown = {*pages, *inlines, *models_of_views(get_resolver().url_patterns), WebhookDelivery}

    counting = {model._meta.label for model in shown - EXCEPT if isinstance(model._meta.pk, AutoFieldMixin)}

    assert not counting


@pytest.mark.django_db
def test_what_happens_in_another_hotel_between_two_rows_is_not_seen_in_their_ids() -> None:
    own, other = (ChannelConnectionFactory().channel_property for _ in range(2))
    client = Client()
    client.force_login(works_in(own.property, Role.ADMINISTRATOR))
    subscriptions = {
        one: WebhookSubscription.objects.create(channel_property=one, url="https://a.example/", secret=new_secret())
        for one in (own, other)
    }
    for one in (own, other, other, own):
        WebhookDelivery.objects.create(
            subscription=subscriptions[one], channel_property=one, succeeded=False, kind="test", webhook_id="w",
            duration_ms=1,
        )  # fmt: skip
        note("ada", AuditAction.EVENT_RETRIED, "event:1", channel_property_id=one.id)

    deliveries = client.get(f"/api/admin/webhook-subscriptions/{subscriptions[own].pk}/deliveries/").json()
    audit = client.get("/api/admin/audit/").json()

    rows = [*deliveries["deliveries"], *audit["entries"]]
    assert len(rows) == 4
    assert not any(str(row["id"]).isdigit() for row in rows)
