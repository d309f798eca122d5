"""The address that webhooks of a channel are taken at, as somebody reaches this site from outside."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


def webhook_url(request: HttpRequest, channel_name: str) -> str:
    """By the address that the request came to; empty where `channel_sync.inbound.urls` is not included."""
    try:
        path = reverse("channel_sync_webhooks:webhook", kwargs={"channel_name": channel_name})
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(path)
