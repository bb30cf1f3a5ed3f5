"""manage.py import_prices."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from analytics.models import PriceHistory
from analytics.services.prices import rows as price_rows
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


def test_what_was_stored_before_the_disk_was_full_is_told(tmp_path, monkeypatch):
    path = tmp_path / "long.csv"
    rows = "\n".join(GOOD.replace("12:00:00", f"12:{m:02d}:00") for m in range(7))
    path.write_text(f"{QUOTE_HEADER}\n{rows}\n")
    store, left = price_rows.rows_store, [1]

    def full(chunk):
        if not left:
            raise OperationalError("database or disk is full")
        left.pop()
        return store(chunk)

    monkeypatch.setattr(price_rows, "CHUNK_ROWS", 3)
    monkeypatch.setattr(price_rows, "rows_store", full)
    out = io.StringIO()
    with pytest.raises(CommandError, match="no room left on the disk"):
        call_command("import_prices", str(path), stdout=out)
    assert "long.csv: its first 3 rows are stored" in out.getvalue()
    assert PriceHistory.objects.count() == 3
    monkeypatch.undo()
    assert "4 new, 0 updated, 3 unchanged" in run(path)
