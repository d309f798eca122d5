"""In which order reservations are listed; each has an index, with the id last so that pages do not overlap."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

SORT_FIELDS = ("check_in", "check_out", "created_at")
ORDERS = {"asc": "", "desc": "-"}
SORTING = [
    OpenApiParameter("sort", enum=SORT_FIELDS, default=SORT_FIELDS[0]),
    OpenApiParameter("order", enum=sorted(ORDERS), default="asc"),
]


def sorted_as_asked(rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    """The rows in the order that the parameters `sort` and `order` name. Raises `ValidationError`."""
    sort = request.query_params.get("sort", SORT_FIELDS[0])
    order = request.query_params.get("order", "asc")
    if sort not in SORT_FIELDS:
        raise ValidationError({"sort": f"One of {', '.join(SORT_FIELDS)} is needed."})
    if order not in ORDERS:
        raise ValidationError({"order": f"One of {', '.join(ORDERS)} is needed."})
    return rows.order_by(f"{ORDERS[order]}{sort}", f"{ORDERS[order]}id")
