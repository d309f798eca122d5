"""Refusals where no view of DRF answers, in the shape of all others."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found


def plain_refusal(detail: str, code: str, status: HTTPStatus, headers: dict[str, str] | None = None) -> JsonResponse:
    """One error."""
    body = {"type": "client_error", "errors": [{"code": code, "detail": detail, "attr": None}]}
    return JsonResponse(body, status=status, headers=headers)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that is not there, in JSON under `/api/`."""
    if request.path.startswith("/api/"):
        return plain_refusal("There is no such address.", "not_found", HTTPStatus.NOT_FOUND)
    return page_not_found(request, exception)
