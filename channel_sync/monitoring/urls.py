"""Addresses of health and metrics; include them at the root."""

from django.urls import path

from channel_sync.monitoring.views import health, live, metrics, ready

app_name = "channel_sync_monitoring"

urlpatterns = [
    path("health/channel-sync", health, name="health"),
    path("health/live", live, name="live"),
    path("health/ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
]
