"""Guests by what they say their name is."""

from __future__ import annotations

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from pms_project.pms.models import Guest


def guests_called(said: str) -> QuerySet[Guest]:
    """Guests whose first name, last name, both in either order, or email begins so, whatever the case.

    Through the indexes of `Guest`: the beginning is looked for and not the middle, which PostgreSQL has an index for
    only with the extension pg_trgm.
    """
    name = " ".join(said.replace(",", " ").split())
    called = Guest.objects.alias(
        first_and_last=Concat("first_name", Value(" "), "last_name"),
        last_and_first=Concat("last_name", Value(" "), "first_name"),
    )
    return called.filter(
        Q(first_and_last__istartswith=name) | Q(last_and_first__istartswith=name) | Q(email__istartswith=said.strip())
    )
