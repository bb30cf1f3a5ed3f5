"""Everything that can be read when the story is over: lists and their filters, rows, pages for
people, tables of the commands, who may do what."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from bench.golden.plain import table_of
from bench.golden.script import AD, BOB, SIM, calls
from bench.golden.world import ROOT, World

_LISTS = ("markets", "training-runs", "models", "forecasts", "anomaly-events", "anomalies",
          "patterns", "backtests")  # fmt: skip
_QUERIES = (
    "families", "families?task=anomaly", "dl/model-info", f"dl/model-info?market={SIM}",
    "markets?asset=USDT&ordering=-id", "markets?fiat=BOB",
    "markets/1/audit", "markets/2/audit", "markets/3/audit", "markets/4/audit",
    "markets/3/accuracy", "markets/1/accuracy?days=5",
    "prices?market=2&page_size=5", "prices?market=2&page_size=3&ordering=timestamp",
    f"prices?market={BOB}&from=2025-12-30T00:00:00Z&to=2025-12-30T03:00:00Z",
    f"prices?market={AD}&page_size=2",
    "training-runs?task=price&status=succeeded&status=cancelled", "training-runs?family=cnn",
    f"training-runs?market={SIM}&ordering=id&page_size=2&page=2",
    "models?task=price&ordering=version", "models?status=active", "models?version=2&market=2",
    "models?family=autoencoder&ordering=score",
    f"forecasts?market={BOB}&task=spread&page_size=3", "forecasts?stale=true&page_size=3",
    "forecasts?model_id=1&ordering=as_of&page_size=2", "forecasts?source=baseline&page_size=2",
    "forecasts?from=2025-12-20&to=2025-12-21",
    "anomalies?severity=critical&page_size=3", "anomalies?label=false", "anomalies?kind=spike",
    "anomalies?acknowledged=true", "anomalies?min_score=0.2&ordering=-score&page_size=3",
    "anomaly-events?feedback=true", "anomaly-events?feedback=none&page_size=2",
    "anomaly-events?open=true", "anomaly-events?min_score=0.3&ordering=-score",
    "anomaly-events?from=2025-12-20&to=2025-12-25",
    "patterns?clear=true&page_size=2", "patterns?label=range", "patterns?ordering=probability",
    "backtests?task=spread&status=succeeded", "backtests?market=2",
)  # fmt: skip
_PAGES = ("/", f"/?market={BOB}", "/?market=nowhere", "/live/", "/patterns/",
          f"/patterns/?market={SIM}", "/models/1/",
          "/models/3/", "/models/9/", "/models/99/")  # fmt: skip


def lists(world: World) -> dict[str, Any]:
    """Every list in full, every filter, and each row of the short ones by itself."""
    found: dict[str, Any] = {}
    for name in _LISTS:
        answer = world.api("GET", f"{name}?page_size=1000&ordering=id")
        ids = [row["id"] for row in answer["body"]["results"]][:16]
        found[name] = {
            "list": answer,
            "rows": calls(world, [("GET", f"{name}/{pk}", None) for pk in ids]),
        }
    found["queries"] = calls(world, [("GET", query, None) for query in _QUERIES])
    found["cards"] = calls(world, [("GET", f"models/{n}/card", None) for n in range(1, 10)])
    return found


def texts(world: World) -> dict[str, Any]:
    """What people read, in both languages: model cards, pages, events."""
    paths = [f"models/{n}/card.md" for n in (1, 3, 4, 9)]
    paths += ["anomaly-events?page_size=20", "models/9", "dl/nothing", "markets?bogus=1"]
    found: dict[str, Any] = {}
    for language in ("en", "es"):
        wanted = {"accept-language": language}
        found[language] = {
            "api": {path: world.api("GET", path, **wanted) for path in paths},
            "pages": {path: page(world, path, language) for path in _PAGES},
        }
    return found


def schema(world: World) -> dict[str, Any]:
    return world.api("GET", "schema?format=json")


class _Words(HTMLParser):
    """The text that a page shows, a line per element."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.skipping += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.skipping -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        line = " ".join(data.split())
        if line and not self.skipping:
            self.lines.append(line)


def page(world: World, path: str, language: str) -> dict[str, Any]:
    answer = world.answer("GET", path, **{"accept-language": language})
    words = _Words()
    words.feed(answer.content.decode())
    return {"status": answer.status_code, "lines": words.lines}


# -------------------------------------------------------------------------------------- commands
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("list_models", "--json"),
    ("list_models",),
    ("list_models", "--market", BOB, "--task", "anomaly"),
    ("forecast", "--market", BOB, "--json"),
    ("forecast", "--market", BOB, "--task", "spread", "--at", "2025-12-29"),
    ("detect_anomalies", "--market", BOB, "--threshold", "0.05", "--json"),
    ("detect_anomalies", "--market", SIM, "--alarm-rate", "2/week"),
    ("detect_anomalies", "--market", BOB, "--mode", "last", "--sensitivity", "50"),
    ("recognize_patterns", "--market", BOB, "--history", "3", "--json"),
    ("recognize_patterns", "--market", SIM, "--at", "2025-12-30T06:00"),
    ("model_card", "1"),
    ("model_card", "3", "--json"),
    ("judge_event", "1", "undo"),
    ("judge_event", "1", "true", "--note", "seen", "--by", "eva"),
    ("promote_model", "8", "--force", "--reason", "by hand"),
    ("promote_model", "--rollback", "anomaly", "--market", BOB),
    ("promote_model", "2", "--retire", "--reason", "old"),
    ("purge_models", "--keep", "1", "--dry-run"),
    ("purge_models", "--keep", "1"),
    ("ensure_admin",),
    ("forecast",),
    ("forecast", "--market", "7"),
    ("forecast", "--market", BOB, "--at", "tomorrow"),
    ("forecast", "--market", AD),
    ("recognize_patterns", "--market", "USDT/VES@there"),
    ("train_model",),
    ("train_model", "price", "--market", AD),
    ("train_model", "price", "--market", BOB, "--epochs", "0"),
    ("train_model", "price", "--market", BOB, "--param", "colour=red"),
    ("train_model", "price", "--market", BOB, "--family", "gru"),
    ("train_model", "price", "--market", BOB, "--until", "2001-01-01"),
    ("train_model", "--run", "99"),
    ("promote_model",),
    ("promote_model", "99"),
    ("promote_model", "6"),
    ("purge_models", "--keep", "0"),
    ("judge_event", "999", "true"),
    ("judge_event", "1", "true", "--by", "nobody"),
    ("watch_anomalies", "--market", "7"),
    ("backtest", "--task", "price"),
    ("backtest", "--task", "price", "--market", BOB, "--from", "2031-01-01", "--to", "2031-02-01"),
    ("backtest", "--run", "77"),
    ("simulate_prices", "--days", "0"),
    ("simulate_prices", "--market", BOB),
    ("detect_anomalies", "--market", BOB, "--threshold", "-1"),
    ("detect_anomalies", "--market", BOB, "--from", "2025-12-30", "--to", "2025-12-01"),
)


def commands(world: World) -> list[dict[str, Any]]:
    """Tables, JSON and refusals; a scored file at last."""
    found = [{"words": " ".join(words), **world.command(*words)} for words in _COMMANDS]
    out = world.home / "scores.csv"
    said = world.command("score_series", str(world.home / "sim.csv"), "--out", str(out))
    return [*found, {"words": "score_series", **said, "rows": table_of(out.read_text())}]


# ------------------------------------------------------------------------------------ permissions
_DOORS = (
    ("GET", ""), ("GET", "models"), ("GET", "schema"), ("POST", "dl/predict-price"),
    ("POST", "dl/train-price-predictor"), ("POST", "training-runs"), ("POST", "prices"),
    ("POST", "markets"), ("PATCH", "markets/1"), ("POST", "models/1/promote"),
    ("POST", "models/rollback"), ("POST", "anomaly-events/1/feedback"),
    ("POST", "anomalies/1/acknowledge"), ("POST", "backtests"), ("POST", "backtests/1/cancel"),
    ("GET", "nowhere"),
)  # fmt: skip


def permissions(world: World) -> dict[str, Any]:
    """Without DEBUG: what nobody, a user and staff hear. And who gets a token."""
    from django.contrib.auth import get_user_model
    from django.test import override_settings
    from rest_framework.authtoken.models import Token

    users = get_user_model().objects
    keys = {}
    for name, staff in (("ana", False), ("eva", True)):
        user = users.create_user(name, password="of no use outside", is_staff=staff)  # noqa: S106
        keys[name] = {"authorization": f"Token {Token.objects.create(user=user).key}"}
    found: dict[str, Any] = {}
    with override_settings(DEBUG=False, ALLOWED_HOSTS=["127.0.0.1"]):
        for name, headers in {"nobody": {}, **keys}.items():
            found[name] = {
                f"{method} {path}": world.api(method, path, {"colour": 1}, **headers)
                for method, path in _DOORS
            }
        found["pages"] = {path: world.answer("GET", path).status_code for path in _PAGES}
    good = {"username": "ana", "password": "of no use outside"}
    found["token"] = calls(
        world, [("POST", "token", good), ("POST", "token", {**good, "password": "x"})]
    )
    found["elsewhere"] = world.api("GET", "models", host="evil.example")
    found["foreign_page"] = world.api("POST", "markets", {}, origin="http://evil.example")
    found["root"] = ROOT
    return found
