"""Addresses of the admin API; include them under `api/`. A trailing slash may be there or not."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from channel_sync.api.alerts import AlertViewSet
from channel_sync.api.bookings import BookingViewSet
from channel_sync.api.events import EventViewSet
from channel_sync.api.feed import FeedViewSet
from channel_sync.api.guest_data import GuestDataViewSet
from channel_sync.api.mappings import MappingViewSet
from channel_sync.api.me import MeViewSet
from channel_sync.api.metrics import MetricsViewSet
from channel_sync.api.properties import AuditViewSet, ChannelStatusViewSet, PropertyViewSet
from channel_sync.api.reconciliation import ConflictViewSet, RunViewSet
from channel_sync.api.stream import feed_stream
from channel_sync.api.subscriptions import SubscriptionViewSet

app_name = "channel_sync_api"

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("channel-mappings", MappingViewSet, basename="mapping")
router.register("bookings", BookingViewSet, basename="booking")
router.register("events", EventViewSet, basename="event")
router.register("channel-status", ChannelStatusViewSet, basename="status")
router.register("conflicts", ConflictViewSet, basename="conflict")
router.register("reconciliation-runs", RunViewSet, basename="run")
router.register("properties", PropertyViewSet, basename="property")
router.register("metrics", MetricsViewSet, basename="metrics")
router.register("feed", FeedViewSet, basename="feed")
router.register("webhook-subscriptions", SubscriptionViewSet, basename="subscription")
router.register("guest-data", GuestDataViewSet, basename="guest-data")
router.register("alerts", AlertViewSet, basename="alert")
router.register("audit", AuditViewSet, basename="audit")

urlpatterns = [
    re_path("^admin/feed/stream/?$", feed_stream, name="feed-stream"),
    re_path("^admin/me/?$", MeViewSet.as_view({"get": "retrieve"}, views=router.registry), name="me"),
    path("admin/", include(router.urls)),
]
