"""Webhook addresses; include them under any prefix. With and without a trailing slash: a POST is never redirected."""

from django.urls import path

from channel_sync.inbound.webhook import WebhookView

app_name = "channel_sync_webhooks"

urlpatterns = [
    path("webhooks/<slug:channel_name>/", WebhookView.as_view(), name="webhook"),
    path("webhooks/<slug:channel_name>", WebhookView.as_view()),
]
