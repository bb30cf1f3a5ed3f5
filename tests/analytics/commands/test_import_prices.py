"""manage.py import_prices."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from analytics.models import PriceHistory
from analytics.services.prices.rows import QUOTE_HEADER

pytestmark = pytest.mark.django_db

GOOD = "2026-05-01T12:00:00Z,USDT,BOB,x,9.30,9.35,9.2,9.4,1000.5,2000,12,15"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text(f"{QUOTE_HEADER}\n{GOOD}\nnonsense\n")
    return path


def run(*args: object) -> str:
    out = io.StringIO()
    call_command("import_prices", *map(str, args), stdout=out)
    return out.getvalue()


def test_each_file_is_summed_up_in_one_line(file, tmp_path):
    plain = tmp_path / "plain.csv"
    plain.write_text(f"{QUOTE_HEADER}\n{GOOD.replace('BOB', 'VES')}\n")
    lines = run(file, plain, "--rejects", tmp_path / "bad").splitlines()
    lines = [line for line in lines if not line.startswith("  ")]
    assert len(lines) == 2
    assert "2 rows read, 1 new, 0 updated, 0 unchanged, 0 merged, 1 rejected" in lines[0]
    assert str(tmp_path / "bad" / "quotes.csv.rejects.csv") in lines[0]
    assert "USDT/VES@x" in lines[1]
    assert PriceHistory.objects.count() == 2


def test_a_second_run_adds_nothing(file):
    run(file)
    assert "0 new, 0 updated, 1 unchanged" in run(file)


def test_a_market_is_given_to_files_without_one(tmp_path):
    path = tmp_path / "value.csv"
    path.write_text("timestamp,value\n2026-05-01 12:00:00,5\n")
    assert "AD/CPC@nab" in run(path, "--market", "AD/CPC@nab")
    with pytest.raises(CommandError, match=r"ASSET/FIAT@exchange"):
        run(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CommandError) as caught:
        run(tmp_path / "none.csv")
    assert "none.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.returncode == 1


def test_a_terminal_sees_a_bar(file, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    call_command("import_prices", str(file), stdout=out)
    assert "1 new" in out.getvalue()
    assert "\x1b[" in out.getvalue()
