"""Webhooks alone."""

from django.urls import include, path

urlpatterns = [path("", include("channel_sync.inbound.urls"))]
