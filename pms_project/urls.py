"""Addresses of the host."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("pms_project.pms.api.urls")),
    path("", include("channel_sync.inbound.urls")),
]
