"""The audit of stored quotes, through service, command and API."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from analytics.exceptions import InvalidInput
from analytics.services.prices.auditing import data_audit
from tests.factories import make_market, make_quotes


def test_the_audit_of_stored_quotes_is_the_same_everywhere(db, admin_user):
    market = make_market()
    make_quotes(market, 300)
    audit = data_audit(market=market)
    assert audit["rows"] == 300
    assert not any(audit["enough"].values())
    out = StringIO()
    call_command("audit_data", "--json", stdout=out)
    assert json.loads(out.getvalue())["gap_median"] == audit["gap_median"]
    call_command("audit_data", stdout=(text := StringIO()))
    assert "too little history" in text.getvalue()
    client = APIClient()
    client.force_authenticate(admin_user)
    answer = client.get(f"/api/v1/analytics/markets/{market.pk}/audit")
    assert answer.status_code == 200
    assert answer.json()["rows"] == 300
    assert answer.json()["findings"][0]["code"] == "too_short"


def test_a_market_without_quotes_cannot_be_audited(db):
    with pytest.raises(InvalidInput) as caught:
        data_audit(market=make_market())
    assert caught.value.code == "no_history"
