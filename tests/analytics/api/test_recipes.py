"""docs/recipes.md: every recipe is run, in each language, against a live server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analytics.services.collection import amounts
from tests import factories

from .conftest import make_run
from .fakes import NOW, FakePredictor

pytestmark = pytest.mark.any_database

ROOT = Path(__file__).resolve().parents[3]
#: What a recipe must say, by words of its heading.
SAYS = {
    "Who answers": "active",
    "Train": "succeeded",
    "Forecast the price": r"9\.33",
    "many markets": r"(?s)9\.33.*unknown_market",
    "from quotes of your own": r"9\.33|0\.\d+",
    "Find anomalies": r'strange rows of \d|"count":',
    "false alarm": "false",
    "market is doing": "range|trend|calm|rising|falling|[a-z]+",
    "really buy": "9.4",
    "Add quotes": "new",
    "A year of quotes": r"9\.3|20 quotes",
    "What is new": "304|nothing new|None",
    "What went wrong": "unknown_market",
}
RUNNERS = {
    "sh": ["sh", "-eu", "-c"],
    "python": [sys.executable, "-c"],
    "js": ["node", "--input-type=module", "-e"],
}
NEEDS = {"sh": "curl", "python": sys.executable, "js": "node"}


def recipes(language: str) -> dict[str, str]:
    """Heading -> the block of that language below it."""
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    _intro, *parts = re.split(r"^## ", text, flags=re.M)
    found = {}
    for part in parts:
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", part, flags=re.M | re.S)
        heading = part.partition("\n")[0]
        assert len(blocks) == 1, (heading, language)
        found[heading] = blocks[0]
    return found


@pytest.fixture
def server(transactional_db, live_server, staff, market, quotes, models, monkeypatch):
    """A server with a history, versions whose predictor is a fake, an event and a training that
    ends at once; its address and a token, as the recipes read them."""
    from rest_framework.authtoken.models import Token

    from analytics.services.jobs import training
    from analytics.services.registry import serving

    monkeypatch.setattr(serving, "predictor_of", lambda model: FakePredictor())
    monkeypatch.setattr(
        training, "training_request", lambda **asked: make_run(market, asked["task"])
    )
    monkeypatch.setattr(amounts, "amount_price", priced)
    factories.make_anomaly(models["anomaly"], timestamp=NOW, score=0.3)
    return {
        **os.environ,
        "PARALELO_URL": live_server.url,
        "PARALELO_TOKEN": Token.objects.create(user=staff).key,
        "PYTHONPATH": str(ROOT / "clients" / "python"),
        "NO_PROXY": "*",
    }


def priced(*, market: Any, now: Any, **asked: Any) -> dict[str, Any]:
    return {"market": market.symbol, "asset": 531.9, "price": 9.4, "complete": True}


@pytest.mark.parametrize("language", RUNNERS)
def test_every_recipe_runs_and_says_what_it_should(server, language):
    if shutil.which(NEEDS[language]) is None:
        pytest.skip(f"{NEEDS[language]} is not on this machine")
    for heading, code in recipes(language).items():
        command = [*RUNNERS[language], code]
        done = subprocess.run(
            command, env=server, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (heading, done.stderr)
        expected = next(text for words, text in SAYS.items() if words in heading)
        assert re.search(expected, done.stdout), (heading, done.stdout, done.stderr)


def test_every_recipe_is_known_by_what_it_must_say():
    headings = list(recipes("sh"))
    assert len(headings) == len(SAYS)
    for words in SAYS:
        assert sum(words in heading for heading in headings) == 1, words


def test_every_line_of_the_networks_has_a_recipe():
    from analytics.api import urls

    shell = "\n".join(recipes("sh").values())
    asked = {address for address, _name, _view in urls.CALLS if f"dl/{address}" in shell}
    trainings = {address for address, _name, _view in urls.CALLS if address.startswith("train-")}
    others = {address for address, _name, _view in urls.CALLS} - trainings
    assert others <= asked
    assert asked & trainings  # they differ in their name alone
