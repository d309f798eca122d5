"""Addresses of the host."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

# Swagger UI styles its elements one by one.
docs = csp_update({"style-src": ["'self'", UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))

handler404 = "pms_project.pms.api.plain_refusals.not_found"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/auth/", include("pms_project.pms.api.login_urls")),
    path("api/", include("pms_project.pms.api.urls")),
    path("api/", include("channel_sync.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", docs),
    path("", include("channel_sync.inbound.urls")),
    path("", include("channel_sync.monitoring.urls")),
]
