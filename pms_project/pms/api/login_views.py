"""`/api/auth/`: a token for a password, and its end. Tokens are stored as digests, for some hours (knox)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from knox import views
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.known_keys import KnownBodies, StrictSerializer
from channel_sync.api.known_parameters import KnownParameters
from pms_project.pms.api.logins import TokenAuthentication
from pms_project.pms.api.schema import PmsAutoSchema


class PasswordSerializer(StrictSerializer):
    """Who logs in."""

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1_000, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer):
    """The token, which nobody is shown again, and when it ends."""

    token = serializers.CharField(help_text="For the header `Authorization: Token …`.")
    expiry = serializers.DateTimeField()


class LoginView(KnownParameters, views.LoginView):
    """Where a password becomes a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = PasswordSerializer
    schema = PmsAutoSchema()

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is 401, as a wrong token is."""
        return str(TokenAuthentication().authenticate_header(request))

    @extend_schema(request=PasswordSerializer, responses=TokenSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """A token for a password; it ends after `API_TOKEN_HOURS`, or by `logout/`.

        401 for a wrong password, 429 after too many of them, 403 when too many tokens of the login hold.
        """
        asked = PasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = authenticate(request._request, **asked.validated_data)
        if user is None:
            raise AuthenticationFailed("Login and password do not match.")
        request.user = user
        answer: Response = super().post(request)
        return answer

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """No cache keeps a token."""
        response["Cache-Control"] = "no-store"
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        return answer


class LogoutView(KnownParameters, KnownBodies, views.LogoutView):
    """Where a token ends."""

    plain_bodies = {"post": ()}

    authentication_classes = views.LoginView.authentication_classes
    schema = PmsAutoSchema()

    @extend_schema(request=None, responses={status.HTTP_204_NO_CONTENT: None})
    def post(self, request: Request) -> Response:
        """End the token that this request was made with; without one there is nothing to end."""
        if request.auth is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        answer: Response = super().post(request)
        return answer


class LogoutAllView(KnownParameters, KnownBodies, views.LogoutAllView):
    """Where all tokens of a login end."""

    plain_bodies = {"post": ()}

    authentication_classes = views.LoginView.authentication_classes
    schema = PmsAutoSchema()

    @extend_schema(request=None, responses={status.HTTP_204_NO_CONTENT: None})
    def post(self, request: Request) -> Response:
        """End all tokens of the login, such as when one was lost."""
        answer: Response = super().post(request)
        return answer
