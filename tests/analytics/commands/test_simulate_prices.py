"""manage.py simulate_prices."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from analytics.models import Market, PriceHistory
from analytics.services.prices.rows import QUOTE_HEADER

pytestmark = pytest.mark.django_db


def run(*args: object) -> str:
    out = io.StringIO()
    call_command("simulate_prices", *map(str, args), stdout=out)
    return out.getvalue()


def test_a_market_is_simulated_into_the_database():
    assert "USDT/SIM@simulated" in run("--days", 3)
    assert PriceHistory.objects.filter(market=Market.objects.get()).count() > 100


def test_the_same_arguments_write_the_same_file_and_no_database(tmp_path):
    options = ("--days", 6, "--seed", 4, "--start", "2026-01-01", "--anomalies")
    said = run(*options, "--out", tmp_path / "a.csv", "--labels", tmp_path / "l.csv")
    run(*options, "--out", tmp_path / "b.csv", "--market", "USDT/SIM@simulated")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == QUOTE_HEADER
    assert lines[1].startswith("2026-01-01T00:")
    assert str(len(lines) - 1) in said
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "l.csv").read_text().startswith("kind,start,end\n")
    assert Market.objects.count() == 0


@pytest.mark.parametrize(
    "wrong", [("--market", "x"), ("--days", 0), ("--seed", -1), ("--labels", "l.csv")]
)
def test_wrong_wishes_are_one_line(wrong):
    with pytest.raises(CommandError) as caught:
        run(*wrong)
    assert "\n" not in str(caught.value)
    assert Market.objects.count() == 0
