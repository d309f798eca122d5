"""What all views of the PMS API have in common."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import viewsets

from channel_sync.api.known_keys import KnownBodies
from channel_sync.api.known_parameters import KnownParameters
from pms_project.pms.services.visibility import seen_by


class HotelViewSet(KnownParameters, KnownBodies, viewsets.GenericViewSet):
    """Rows of the hotels that the user works in; those of others are not there."""

    def get_queryset(self) -> QuerySet[Any]:
        """A model that does not say whose its rows are raises."""
        return seen_by(self.request.user, super().get_queryset())
