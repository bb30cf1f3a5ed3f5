"""What several calls answer alike: an error, a queued run, a row of a market."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.response import Response


class ErrorSerializer(serializers.Serializer):
    """The one error shape; some errors carry plain details (run_id, needed, present) beside it."""

    code = serializers.CharField(help_text="Stable, for programs.")
    message = serializers.CharField(help_text="For people, in the language asked for.")
    # Named so by the contract; the base class's own property is about declared fields.
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="What is wrong, by the input's name."
    )


class OfMarketSerializer(serializers.ModelSerializer):
    market = serializers.CharField(source="market.symbol", read_only=True)


class QueuedAnswer(serializers.Serializer):
    run_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["queued"])
    status_url = serializers.CharField(help_text="Ask here how far it is.")


def queued(run: Any, address: str) -> Response:
    """The answer about a queued run; `address` names the view that shows it."""
    url = reverse(f"api:{address}", args=[run.pk])
    return Response(
        {"run_id": run.pk, "status": run.status, "status_url": url},
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": url},
    )
