"""Danger: `/admin/…/channelevent/?payload__booking__email__startswith=b` let a viewer guess what is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin, auth
from django.test import Client
from django.urls import reverse

from tests.factories import EventFactory, ReservationFactory

pytestmark = pytest.mark.django_db

GUESSES = {
    "channel_sync_channelevent": ["payload__booking__email__startswith", "last_error__contains", "id__startswith"],
    "channel_sync_conflict": ["pms_side__last_name", "channel_property__property__name__startswith"],
    "channel_sync_channelproperty": ["connection__account__external_id", "config__has_key"],
    "channel_sync_auditentry": ["details__reason__startswith"],
    "channel_sync_reservationlink": ["reservation__guest__email__startswith", "applied_hash__startswith"],
    "pms_reservation": ["guest__email__startswith", "notes__contains", "guest__reservations__notes__contains"],
    "pms_guest": ["email__startswith", "reservations__hotel__name"],
    "pms_dailyrate": ["price__gt"],
}


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(auth.get_user_model().objects.create_superuser("root"))
    return client


def cases() -> Iterator[tuple[str, str]]:
    for page, lookups in GUESSES.items():
        for lookup in lookups:
            yield page, lookup


@pytest.mark.parametrize(("page", "lookup"), list(cases()))
def test_a_list_takes_no_lookup_that_it_does_not_offer(root: Client, page: str, lookup: str) -> None:
    EventFactory(payload={"booking": {"email": "b@guests.example"}})
    ReservationFactory()

    assert root.get(reverse(f"admin:{page}_changelist"), {lookup: "b"}).status_code == 400


def test_every_filter_that_a_list_offers_is_taken(root: Client) -> None:
    """Each link of the filters of each page, followed."""
    event = EventFactory()
    ReservationFactory()
    for model, registered in admin.site._registry.items():
        if model._meta.app_label not in ("channel_sync", "pms"):
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page: Any = root.get(address)
        changelist = page.context["cl"]
        assert len(changelist.filter_specs) <= len(registered.get_list_filter(page.wsgi_request))
        for spec in changelist.filter_specs:
            for choice in spec.choices(changelist):
                assert root.get(address + choice["query_string"]).status_code == 200, (address, choice)
    assert str(event.id)[:8] in root.get(reverse("admin:channel_sync_channelevent_changelist")).content.decode()
