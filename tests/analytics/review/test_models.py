"""The pages of models: who answers, what people decide, trainings and backtests, side by side."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import ml
from analytics import artifacts
from analytics.models import BacktestRun, ModelEvent, TrainingRun
from analytics.pages.review.parameters import PARAMETERS, parameter_help, parameter_name
from analytics.services.registry.families import family_list
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


@pytest.fixture
def staff(client):
    client.force_login(get_user_model().objects.create_user("staff", is_staff=True))
    return client


@pytest.fixture
def market():
    return factories.make_market()


def of(name, market, task="price"):
    return reverse(f"analytics:models-{name}", args=[market.pk, task])


def body(client, address, status=200, **asked):
    answer = client.get(address, asked)
    assert answer.status_code == status
    return answer.content.decode()


def seen(page):
    """What of a page a person reads."""
    return re.sub(r"<[^>]+>", "", re.sub(r"<script.*?</script>", "", page, flags=re.S))


# ---------------------------------------------------------------------------------------- the list
def test_every_task_of_every_market_is_listed_with_who_answers(reader, market):
    factories.make_model(market)
    factories.make_model(market, "spread", "candidate", beats_baseline=False, score=1.2)
    factories.make_run(market, "anomaly", "running", epoch=3, epochs=10)
    page = seen(body(reader, "/models/"))
    for words in ("lstm v1", "the last value", "✓ better", "✗ not better", "not trained yet"):
        assert words in page
    assert "last_value" not in page


def test_the_list_asks_as_many_queries_for_one_market_as_for_ten(reader, market):
    def asked():
        with CaptureQueriesContext(connection) as caught:
            body(reader, "/models/")
        return len(caught)

    factories.make_model(market)
    one = asked()
    for number in range(9):
        other = factories.make_market(f"USDT/VES@x{number}")
        factories.make_model(other)
        factories.make_run(other, "spread", "running")
    assert asked() == one <= 9


def test_without_a_market_the_next_step_is_told(reader):
    assert "import some first" in body(reader, "/models/")


# ---------------------------------------------------------------------------------------- one task
def test_a_task_shows_versions_with_state_verdict_and_meaning(reader, market):
    old = factories.make_model(market, status="retired")
    ModelEvent.objects.create(model=old, label="x", action="promoted")
    new = factories.make_model(market)
    figures = {"verdict": "clearly_better", "better": True}
    ModelEvent.objects.create(model=new, label="x", action="promoted", figures=figures)
    page = body(reader, of("task", market))
    for words in (
        "lstm v2 answers.",
        "Better than the active version, beyond chance.",
        "retired",
        "1.00 = the last value",
        f'value="{old.run_id}"',
    ):
        assert words in page
    for staff_only in ("Promote…", "Roll back", "Train again", "Artifact"):
        assert staff_only not in page


def test_an_empty_task_says_the_next_step_to_who_may_take_it(staff, market):
    page = body(staff, of("task", market))
    assert "Nothing was trained yet" in page
    assert of("train", market) in page
    assert "No forecast was scored yet" in page


def test_live_figures_are_of_scored_forecasts_day_by_day_and_version_by_version(reader, market):
    models = [factories.make_model(market, status=status) for status in ("retired", "active")]
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    for days, model, error, inside in (
        (3, models[0], 0.1, True),
        (2, models[0], 0.3, False),
        (2, models[1], 0.2, True),
    ):
        at = noon - days * 24 * HOUR
        made = factories.make_forecast(model, as_of=at - HOUR)
        factories.make_score(made, target_at=at, error=error, inside_90=inside)
    baseline = factories.make_forecast(models[1], source="baseline", as_of=noon - 9 * HOUR)
    factories.make_score(baseline, target_at=noon - 30 * HOUR, error=9)
    page = body(reader, of("task", market))
    spec = json.loads(
        re.search(r'<script id="live-figures-spec"[^>]*>(.*?)</script>', page, re.S)[1]
    )
    (table,) = spec["tables"]
    old, new = (model.pk for model in models)
    assert table["columns"][f"skill{old}"] == [0.5, 1.5]
    assert table["columns"][f"skill{new}"] == [None, 1.0]
    assert table["columns"][f"in90-{old}"] == [100.0, 0.0]
    assert [panel["level"] for panel in spec["panels"]] == [1.0, 80.0, 90.0]


def test_a_detector_is_told_by_what_people_said_of_its_alarms(reader, market):
    model = factories.make_model(market, "anomaly")
    for label in ("true", "true", "false", ""):
        factories.make_anomaly(model, label)
    page = seen(body(reader, of("task", market, "anomaly")))
    assert "67 %" in page


def test_a_page_of_a_task_asks_few_queries(reader, market, django_assert_max_num_queries):
    for _ in range(8):
        model = factories.make_model(market, status="retired")
        ModelEvent.objects.create(model=model, label="x", action="promoted")
        factories.make_backtest(market)
    factories.make_model(market)
    with django_assert_max_num_queries(18):
        body(reader, of("task", market))


@pytest.mark.parametrize("address", ["/models/markets/99/price/", "/models/runs/99/"])
def test_what_is_not_there_is_not_found(reader, address):
    assert reader.get(address).status_code == 404


def test_a_task_that_is_none_is_not_found(reader, market):
    assert reader.get(of("task", market, "weather")).status_code == 404


# --------------------------------------------------------------------------------------- decisions
def decide(client, model, what, **data):
    address = reverse("analytics:model-decide", args=[model.pk, what])
    return client.post(address, data, follow=True)


def test_a_promotion_is_shown_first_and_then_done(staff, market):
    model = factories.make_model(market, status="candidate")
    address = reverse("analytics:model-decide", args=[model.pk, "promote"])
    assert "Force it" in body(staff, address)
    model.refresh_from_db()
    assert model.status == "candidate"
    answer = decide(staff, model, "promote", force="1", reason="it must")
    assert "answers from now on" in answer.content.decode()
    event = ModelEvent.objects.get(action="promoted")
    assert (event.model, event.by.username, event.reason) == (model, "staff", "it must")


def test_a_refusal_says_why_and_what_is_missing(staff, market):
    model = factories.make_model(market, status="candidate")
    answer = decide(staff, model, "promote", force="1")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "A forced promotion needs a reason." in page
    assert "say why this version is to answer" in page


def test_a_version_is_retired_and_rolled_back(staff, market):
    old = factories.make_model(market, status="retired")
    ModelEvent.objects.create(model=old, label="x", action="promoted")
    new = factories.make_model(market)
    assert "lstm v1" in body(staff, of("rollback", market))
    staff.post(of("rollback", market), {"reason": "worse"})
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, new.status) == ("active", "retired")
    decide(staff, old, "retire")
    old.refresh_from_db()
    assert old.status == "retired"


def test_without_an_earlier_version_there_is_nothing_to_roll_back(staff, market):
    assert "no earlier version" in body(staff, of("rollback", market))
    assert staff.post(of("rollback", market)).status_code == 409


def test_readers_decide_nothing(reader, market):
    model = factories.make_model(market, status="candidate")
    run = factories.make_run(market, "spread")
    test = factories.make_backtest(market, status="queued")
    for address in (
        reverse("analytics:model-decide", args=[model.pk, "promote"]),
        reverse("analytics:model-artifact", args=[model.pk]),
        reverse("analytics:model-cancel", args=[run.pk]),
        reverse("analytics:backtest-cancel", args=[test.pk]),
        of("train", market),
        of("rollback", market),
        of("backtest", market),
    ):
        assert reader.post(address).status_code == 403, address
    run.refresh_from_db()
    assert run.status == "queued"


def test_strangers_are_sent_to_sign_in(client, market):
    run = factories.make_run(market)
    addresses = ["/models/", "/models/compare/", of("task", market), of("train", market)]
    for address in [*addresses, reverse("analytics:model-run", args=[run.pk])]:
        assert client.get(address).status_code == 302, address


def test_an_artifact_is_taken_along_with_its_card(staff, market):
    model = factories.make_model(market, artifact="price-1-run1-1")
    staged = artifacts.stage("made")
    (staged / "manifest.json").write_text('{"format": 1}')
    artifacts.publish(staged, model.artifact)
    answer = staff.get(reverse("analytics:model-artifact", args=[model.pk]))
    packed = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert 'filename="price-1-run1-1.zip"' in answer.headers["Content-Disposition"]
    assert packed.namelist() == ["price-1-run1-1/manifest.json", "price-1-run1-1/MODEL_CARD.md"]
    assert b"lstm v1" in packed.read("price-1-run1-1/MODEL_CARD.md")


@pytest.mark.parametrize("name", ["gone", "made/1", "../../etc"])
def test_an_artifact_that_is_not_there_is_not_found(staff, market, name):
    model = factories.make_model(market, artifact=name)
    assert staff.get(reverse("analytics:model-artifact", args=[model.pk])).status_code == 404


# ---------------------------------------------------------------------------------------- training
def test_every_parameter_of_every_family_has_a_name_and_a_help():
    for family in family_list():
        for one in family["parameters"]:
            assert one["name"] in PARAMETERS
            assert parameter_name(one["name"]) != one["name"] or one["name"] in (
                *("patience", "seed", "dropout", "channels", "folds"),
            )
            assert "From" in parameter_help(one)
    assert {one["name"] for f in family_list() for one in f["parameters"]} == set(PARAMETERS)


def test_the_form_has_the_parameters_of_the_family_with_their_ranges(staff, market):
    page = body(staff, of("train", market), family="dlinear")
    names = [
        one["name"]
        for one in next(f for f in family_list() if f["name"] == "dlinear")["parameters"]
    ]
    for name in names:
        assert f'name="{name}"' in page
    assert re.search(r'<input type="number" name="epochs"[^>]*min="1"[^>]*max="1000"', page)
    assert "From 1 to 1,000." in page
    assert 'name="hidden"' not in page


def test_a_run_is_queued_with_what_was_filled_in(staff, market):
    factories.make_quotes(market, 3000)
    data = {"family": "lstm", "epochs": "2", "learning_rate": "0.001", "seed": "", "device": "cpu"}
    answer = staff.post(of("train", market), data)
    run = TrainingRun.objects.get()
    assert answer.url == reverse("analytics:model-run", args=[run.pk])
    defaults = vars(ml.make_config(ml.get_spec("price", "lstm").config, {}))
    assert run.config == {**defaults, "epochs": 2, "learning_rate": 0.001}
    assert (run.device_wish, run.requested_by.username) == ("cpu", "staff")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("epochs", "0", "greater than or equal to 1"),
        ("epochs", "2.5", "Enter a whole number."),
        ("dropout", "0.95", "less than or equal to 0.9"),
        ("learning_rate", "nan", "Enter a number."),
        ("until", "yesterday", "Enter a valid date/time."),
    ],
)
def test_a_value_out_of_range_is_refused_at_its_field(staff, market, field, value, said):
    factories.make_quotes(market, 3000)
    answer = staff.post(of("train", market), {"family": "lstm", field: value})
    page = answer.content.decode()
    assert answer.status_code == 400
    error = re.search(rf'name="{field}".*?id="id_{field}_error">([^<]*)<', page, re.S)
    assert said in error[1]
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page)
    assert not TrainingRun.objects.exists()


def test_what_the_service_refuses_is_told_on_the_form(staff, market):
    factories.make_quotes(market, 5)
    answer = staff.post(of("train", market), {"family": "lstm"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    factories.make_quotes(market, 3000, end=timezone.now() - 99 * HOUR)
    staff.post(of("train", market), {"family": "lstm"})
    twin = staff.post(of("train", market), {"family": "lstm"})
    assert "already open" in twin.content.decode()


def test_a_run_lends_its_parameters(staff, market):
    run = factories.make_run(market, status="succeeded", config={"epochs": 77})
    page = body(staff, of("train", market), run=run.pk)
    assert 'value="77"' in page
    assert f"as in run {run.pk}" in page


# ------------------------------------------------------------------------------------------- a run
def test_a_run_shows_progress_time_left_and_a_way_to_cancel(staff, market):
    run = factories.make_run(
        market, status="running", epoch=3, epochs=10, eta_seconds=40, losses=[["training", 3, 4]]
    )
    page = body(staff, reverse("analytics:model-run", args=[run.pk]))
    for words in ("epoch 3 of 10", "40 seconds left", 'formaction="/models/runs/'):
        assert words in page
    part = body(staff, reverse("analytics:model-progress", args=[run.pk]))
    assert f'data-runs="{run.pk}+"' in part
    assert "csrf" not in part
    staff.post(reverse("analytics:model-cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.cancel_requested


def test_a_queued_run_is_cancelled_at_once_and_a_closed_one_says_so(staff, market):
    run = factories.make_run(market)
    address = reverse("analytics:model-cancel", args=[run.pk])
    assert "It is cancelled" in staff.post(address, follow=True).content.decode()
    assert "already closed" in staff.post(address, follow=True).content.decode()


def test_losses_come_again_only_after_another_epoch(reader, market):
    run = factories.make_run(market, status="running", losses=[["training", 3.0, 4.0]])
    address = reverse("analytics:model-losses", args=[run.pk])
    first = reader.get(address)
    etag = {"If-None-Match": first.headers["ETag"]}
    assert reader.get(address, headers=etag).status_code == 304
    run.losses.append(["training", 2.0, 3.0])
    run.save()
    again = reader.get(address, headers=etag)
    assert again.status_code == 200
    assert len(again.json()["tables"][0]["x"]) == len(first.json()["tables"][0]["x"]) + 1


def test_a_failed_run_says_why(reader, market):
    run = factories.make_run(market, status="failed", error_message="It diverged.")
    assert "It diverged." in body(reader, reverse("analytics:model-run", args=[run.pk]))


# ------------------------------------------------------------------------------------ side by side
def compare(client, *runs, status=200):
    return body(client, "/models/compare/", status, run=[run.pk for run in runs])


def test_runs_side_by_side_show_what_differs_which_is_best_and_both_losses(reader, market):
    runs = [
        factories.make_run(
            market,
            status="succeeded",
            config={"epochs": 30, "hidden": hidden},
            losses=[["training 1/2", 3.0, 2.0 + n], ["training 2/2", 3.0, 1.0 + n]],
        )
        for n, hidden in enumerate((32, 64))
    ]
    same = {"test_from": timezone.now() - 99 * HOUR, "data_until": timezone.now()}
    for run, score in zip(runs, (0.8, 0.9), strict=True):
        factories.make_model(market, status="candidate", run=run, metrics={"crps": score}, **same)
    page = compare(reader, *runs)
    rows = re.findall(r"<tr( class=\"differs\")?><th scope=\"row\" class=\"wide\">([^<]*)", page)
    assert [bool(differs) for differs, name in rows if name.strip() == "Recurrent units"] == [True]
    assert [bool(d) for d, name in rows if name.strip() == "Passes over the data"] == [False]
    row = re.search(r"Distribution error \(last value = 1\).*?</tr>", page, re.S)[0]
    cells = re.findall(r"<td.*?</td>", row, re.S)
    assert ["best" in cell for cell in cells] == [True, False]
    assert "lower is better" in row
    assert "on the same quotes" in page
    spec = json.loads(re.search(r'<script id="losses-spec"[^>]*>(.*?)</script>', page, re.S)[1])
    labels = [line["label"] for line in spec["panels"][0]["lines"]]
    assert labels == [f"#{run.pk} training {n}/2" for run in runs for n in (1, 2)]
    assert spec["tables"][0]["columns"][f"r{runs[1].pk}-0"] == [3.0]


def test_figures_of_different_quotes_are_no_contest(reader, market):
    runs = [factories.make_run(market, status="succeeded") for _ in range(2)]
    for back, run in enumerate(runs):
        until = timezone.now() - back * 99 * HOUR
        factories.make_model(market, status="candidate", run=run, score=back, data_until=until)
    page = compare(reader, *runs)
    assert "different quotes" in page
    assert ">best<" not in page


def test_a_run_that_left_no_version_and_no_loss_is_told_so(reader, market):
    runs = [factories.make_run(market, status="failed") for _ in range(2)]
    page = compare(reader, *runs)
    assert "None of them left a version" in page
    assert "No losses were stored." in page


def test_one_run_too_many_runs_and_different_tasks_are_refused(reader, market):
    one = factories.make_run(market, status="failed")
    other = factories.make_run(market, "spread", "failed")
    assert "Choose two to 6 runs." in compare(reader, one, status=400)
    assert "nothing to compare" in compare(reader, one, other, status=400)
    one.pk = 10**12
    compare(reader, one, other, status=404)


# --------------------------------------------------------------------------------------- backtests
def test_a_backtest_is_asked_for_and_its_report_linked(staff, market):
    factories.make_quotes(market, 4000)
    page = body(staff, of("backtest", market))
    assert 'type="date"' in page
    end = timezone.localdate()
    data = {"start": end - dt.timedelta(days=3), "end": end, "origin_step": 4, "refit_every": 2}
    staff.post(of("backtest", market), data)
    run = BacktestRun.objects.get()
    assert (run.refit_every.days, run.origin_step) == (2, 4)
    staff.post(reverse("analytics:backtest-cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.status == "cancelled"
    done = factories.make_backtest(market, folder="run-9")
    assert reverse("api:backtest-report", args=[done.pk]) in body(staff, of("task", market))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"start": "2026-01-05", "end": "2026-01-01", "origin_step": 1}, "mark bad"),
        ({"start": "x", "end": "2026-01-01", "origin_step": 1}, "Enter a valid date."),
        ({"start": "2026-01-01", "end": "2026-01-05", "origin_step": 0}, "greater than"),
    ],
)
def test_a_backtest_that_cannot_be_is_refused_on_the_form(staff, market, data, said):
    factories.make_quotes(market, 50)
    answer = staff.post(of("backtest", market), data)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not BacktestRun.objects.exists()


def test_only_forecasts_are_backtested(staff, market):
    assert staff.get(of("backtest", market, "anomaly")).status_code == 404


def test_days_of_a_backtest_are_those_that_were_asked_for_wherever_the_reader_is(reader, market):
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    factories.make_backtest(market, start=start, end=start + 31 * 24 * HOUR)
    reader.cookies["browser_zone"] = "America/La_Paz"
    assert "2026-01-01 – 2026-02-01" in seen(body(reader, of("task", market)))


def test_a_training_tells_its_quotes_with_their_thousands_marked(reader, market):
    run = factories.make_run(market, status="succeeded", row_count=22713)
    page = body(reader, reverse("analytics:model-run", args=[run.pk]))
    assert "<dd>22,713</dd>" in page
