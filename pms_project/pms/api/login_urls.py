"""Addresses of the login."""

from django.urls import path

from pms_project.pms.api.login_views import LoginView, LogoutAllView, LogoutView

urlpatterns = [
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("logout-all/", LogoutAllView.as_view(), name="logout-all"),
]
