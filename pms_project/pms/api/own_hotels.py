"""What all views of the PMS API have in common."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import viewsets
from rest_framework.response import Response

from channel_sync.api.known_keys import KnownBodies
from channel_sync.api.known_parameters import KnownParameters
from pms_project.pms.models import HotelSettings
from pms_project.pms.services.visibility import PATHS, seen_by


class HotelViewSet(KnownParameters, KnownBodies, viewsets.GenericViewSet):
    """Rows of the hotels that the user works in; those of others are not there."""

    def get_queryset(self) -> QuerySet[Any]:
        """A model that does not say whose its rows are raises."""
        return seen_by(self.request.user, super().get_queryset())

    def properties_in(self, answer: Response) -> Collection[UUID]:
        """The hotels of the rows of an answer."""
        rows = answer.data if isinstance(answer.data, list) else [answer.data]
        return hotels_of_rows(self.get_queryset().model, {row["id"] for row in rows})

    def require_rights_on(self, properties: Collection[UUID]) -> None:
        """Raise `Http404` where the user does not work in one of these hotels."""
        if seen_by(self.request.user, HotelSettings.objects.filter(pk__in=properties)).count() < len(properties):
            raise Http404


def hotels_of_rows(model: type[Model], ids: Collection[Any]) -> Collection[UUID]:
    """The hotels that rows belong to."""
    return set(model._default_manager.filter(pk__in=ids).values_list(PATHS[model], flat=True))
