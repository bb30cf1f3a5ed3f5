"""A token in exchange for a name and a password."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input
from analytics.api.inputs import checked, merged_input, query_input
from analytics.api.permissions import AnyonePermission
from analytics.api.schema import documented
from analytics.api.views import ApiView
from p2p.throttling import SignInThrottle


class TokenInput(Input):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}
    )


class TokenAnswer(serializers.Serializer):
    token = serializers.CharField(help_text="Send it as `Authorization: Token ...`.")


class ObtainToken(ApiView):
    name = gettext_lazy("Token")
    authentication_classes: list = []
    permission_classes = [AnyonePermission]
    throttle_classes = [SignInThrottle]
    #: Of the body; anybody may send one.
    most_bytes = 4096

    @documented(
        "Exchange a name and a password for a token",
        TokenAnswer,
        request=TokenInput,
        fails=(400, 413, 429),
        operation_id="token",
        auth=[],
    )
    def post(self, request: Request) -> Response:
        # Only in the body: addresses end up in logs.
        query_input(request, allowed=())
        values = checked(TokenInput, merged_input(request, allowed=TokenInput.names()))
        user = authenticate(request._request, **values)
        if user is None:
            raise AuthenticationFailed(_("Name and password do not fit."), "bad_credentials")
        token, _made = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})
