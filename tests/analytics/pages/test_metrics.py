"""Metrics in people's words: explained in one table, and nowhere shown by their raw names."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation

import ml
from analytics.management.tables import decision_table, plain_table
from analytics.models import AnomalyEvent, Market, ModelEvent, TrainedModel
from analytics.pages.backtests import backtest_table
from analytics.pages.metrics import (
    HIGHER,
    LOWER,
    METRICS,
    metric,
    metric_hint,
    metric_lines,
    metric_name,
    metric_value,
)
from tests.factories import (
    make_backtest,
    make_event,
    make_forecast,
    make_market,
    make_model,
    make_pattern,
    make_quotes,
    make_run,
    make_score,
)

pytestmark = pytest.mark.any_database

HEADS = ("movement", "agitation", "spread", "liquidity")
STORED = {
    **{str(task): list(spec.metrics) for task, spec in ml.TASKS.items()},
    "pattern": [
        *("macro_f1", "accuracy", "ece", "analogues", "analogues_low", "analogues_high"),
        *(f"{kind}_{head}" for kind in ("f1", "lag", "flicker") for head in HEADS),
    ],
}
FIGURES = {
    **{"h": 6, "set": "clean", "n": 900, "mae": 0.05, "skill": 0.9, "skill_ci95": [0.8, 1.0]},
    **{"crps": 0.04, "crps_skill": 0.8, "crps_skill_seasonal": 1.2, "cov80": 0.81, "cov90": 0.9},
    **{"cov80_ci95": [0.7, 0.9], "width80": 0.3},
}
#: Raw names; those that are also plain words ("recall") are no proof of anything.
RAW = sorted(
    name
    for name in {*(n for names in STORED.values() for n in names), *FIGURES}
    if re.search(r"[_\d]", name) or name in ("crps", "mae", "ece")
)
LANGUAGES = ("en", "es")
PAGES = ("home", "live", "patterns", "collection", "operations", "preferences")


class Visible(HTMLParser):
    """The text of a page and of the attributes that people see or hear."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.silent += tag in ("script", "style")
        self.parts += [v for k, v in attrs if v and k in ("title", "aria-label", "alt")]

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.silent:
            self.parts.append(data)


def raw_names(text: str) -> list[str]:
    return [name for name in RAW if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.I)]


def raw_on(page: str) -> list[str]:
    return raw_names(" ".join(Visible(page).parts))


@pytest.fixture
def full(db):
    """A market whose versions have every metric that there is, each with a decision about it."""
    market = make_market()
    make_quotes(market)
    for task, names in STORED.items():
        primary = ml.TASKS[ml.Task(task)].primary
        values = dict.fromkeys(names, 0.5)
        model = make_model(
            market, task, primary_metric=primary, metrics=values, baseline_metrics=values
        )
        figures = {
            **{"metric": primary, "verdict": "clearly_better", "better": True, "active": 0.9},
            **{"active_id": 1, "challenger": 0.8, "method": "diebold_mariano", "n": 99},
            "horizons": [{"steps": 6, "n": 99, "champion": 0.05, "challenger": 0.04}],
        }
        ModelEvent.objects.create(model=model, label=str(model), action="promoted", figures=figures)
    make_score(make_forecast(TrainedModel.objects.get(task="price")))
    make_event(TrainedModel.objects.get(task="anomaly"))
    make_pattern(TrainedModel.objects.get(task="pattern"))
    make_backtest(market, figures=[FIGURES])
    return market


# -------------------------------------------------------------------------------------- the table
def test_every_metric_of_a_task_is_explained():
    for names in STORED.values():
        for name in names:
            assert metric_name(name) != name
            assert metric_hint(name), name


def test_the_direction_is_the_one_by_which_versions_are_compared():
    for spec in ml.TASKS.values():
        assert metric(spec.primary).better == (HIGHER if spec.higher_is_better else LOWER)


def test_the_steps_and_the_aspect_are_said():
    assert metric_name("cov80_h1") == "inside the interval (80 %), 1 step ahead"
    assert metric_name("crps_skill_h24").endswith(", 24 steps ahead")
    assert metric_name("lag_spread") == "delay of a new name (hours): spread"


def test_figures_are_written_as_their_metric_is():
    written = {name: metric_value(name, 0.8123) for name in ("crps", "cov80_h6", "recall")}
    assert written == {"crps": "0.8123", "cov80_h6": "81 %", "recall": "81 %"}
    assert metric_value("n_h6", 12345.0) == "12,345"
    assert metric_value("crps", None) == metric_value("n", None) == "–"


def test_a_metric_that_nobody_explained_stands_for_itself():
    assert (metric_name("pinball_h"), metric_hint("pinball_h")) == ("pinball_h", "")
    assert (metric_name("up_h6"), metric_lines(["up_h6"])) == ("up_h6", [])


def test_horizons_of_a_metric_are_explained_once():
    lines = metric_lines(ml.TASKS[ml.Task.PRICE].metrics)
    assert len([line for line in lines if line.startswith("Inside the interval (80 %): ")]) == 1
    assert len(lines) == len(set(lines))
    assert all(line.endswith(".") for line in metric_lines(METRICS))


# ---------------------------------------------------------------------------------- what is shown
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_shows_a_raw_name(full, admin_client, language):
    addresses = [reverse(f"analytics:{name}") for name in PAGES]
    addresses += [reverse("analytics:model-card", args=[m.pk]) for m in TrainedModel.objects.all()]
    addresses += [reverse("analytics:models"), "/anomalies/?state=all&everything=1"]
    addresses += [reverse("analytics:anomaly", args=[e.pk]) for e in AnomalyEvent.objects.all()]
    for model in TrainedModel.objects.all():
        of = [model.market_id, model.task]
        addresses += [reverse(f"analytics:models-{name}", args=of) for name in ("task", "train")]
        addresses.append(reverse("analytics:model-run", args=[model.run_id]))
        twin = make_run(full, model.task, "succeeded", config={"batch_size": 8})
        addresses.append(f"/models/compare/?run={model.run_id}&run={twin.pk}")
        addresses.append(reverse("analytics:model-decide", args=[model.pk, "retire"]))
    for name in ("market", "market-more"):
        addresses += [reverse(f"analytics:{name}", args=[m.pk]) for m in Market.objects.all()]
    for address in addresses:
        page = admin_client.get(address, headers={"accept-language": language})
        assert page.status_code == 200
        assert raw_on(page.content.decode()) == [], address


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_of_the_admin_shows_a_raw_name(full, admin_client, language):
    seen = 0
    for model in admin.site._registry:
        if model._meta.app_label != "analytics":
            continue
        name = f"admin:analytics_{model._meta.model_name}"
        rows = list(model.objects.values_list("pk", flat=True)[:6])
        ones = (reverse(f"{name}_change", args=[row]) for row in rows)
        for address in (reverse(f"{name}_changelist"), *ones):
            page = admin_client.get(address, headers={"accept-language": language})
            assert page.status_code == 200
            assert raw_on(page.content.decode()) == [], address
        seen += bool(rows)
    assert seen > 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_asking_to_promote_shows_no_raw_name(full, admin_client, language):
    chosen = list(TrainedModel.objects.values_list("pk", flat=True))
    page = admin_client.post(
        reverse("admin:analytics_trainedmodel_changelist"),
        {"action": "promote", "_selected_action": chosen},
        headers={"accept-language": language},
    ).content.decode()
    with translation.override(language):
        assert metric_name("macro_f1") in page
    assert raw_on(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_command_shows_a_raw_name(full, language):
    with translation.override(language):
        call_command("list_models", stdout=(out := StringIO()))
        for model in TrainedModel.objects.all():
            call_command("model_card", str(model.pk), stdout=out)
        said = out.getvalue()
        assert raw_names(said) == []
        assert metric_name("average_precision") in " ".join(said.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_table_of_the_terminal_shows_a_raw_name(full, language):
    from rich.console import Console

    console = Console(file=(out := StringIO()), width=200)
    with translation.override(language):
        for event in ModelEvent.objects.all():
            console.print(decision_table(event, str(event.model)))
        console.print(plain_table(*backtest_table([FIGURES])))
    assert raw_names(out.getvalue()) == []
    assert ("0,04" if language == "es" else "0.04") in out.getvalue()


def test_the_search_for_raw_names_would_find_one():
    page = '<p class="crps_skill_h6" title="cov80_h1"><script>mae</script>CRPS, macro_f1</p>'
    assert raw_on(page) == ["cov80_h1", "crps", "macro_f1"]
