"""Addresses of the host."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("pms_project.pms.api.urls")),
    path("api/", include("channel_sync.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
    path("", include("channel_sync.inbound.urls")),
    path("", include("channel_sync.monitoring.urls")),
]
