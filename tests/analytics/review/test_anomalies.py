"""The inbox of anomalies and the page of one: what is listed, said and judged, and by whom."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.models import AnomalyEvent, PriceHistory
from analytics.selectors.aftermath import aftermath
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOUR = dt.timedelta(hours=1)
INBOX = "/anomalies/"


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


@pytest.fixture
def staff(client):
    client.force_login(get_user_model().objects.create_user("staff", is_staff=True))
    return client


@pytest.fixture
def detector():
    market = factories.make_market()
    factories.make_quotes(market, 200)
    return factories.make_model(market, "anomaly")


def listed(client, **asked):
    answer = client.get(INBOX, asked)
    assert answer.status_code == 200
    return [int(pk) for pk in re.findall(r'href="/anomalies/(\d+)/', answer.content.decode())]


def page(client, event, **asked):
    answer = client.get(reverse("analytics:anomaly", args=[event.pk]), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def judge(client, event, verdict, **more):
    address = reverse("analytics:anomaly-judge", args=[event.pk])
    answer = client.post(address, {"verdict": verdict, **more}, follow=True)
    event.refresh_from_db()
    return answer


# ---------------------------------------------------------------------------------------- the inbox
def test_new_alarms_of_the_version_that_answers_come_first(reader, detector):
    old = factories.make_model(detector.market, "anomaly", "retired")
    factories.make_anomaly(old)
    factories.make_anomaly(detector, score=0.09)
    now = timezone.now()
    late = factories.make_anomaly(detector, timestamp=now - HOUR)
    early = factories.make_anomaly(detector, timestamp=now - 9 * HOUR)
    factories.make_anomaly(detector, acknowledged_at=now)
    factories.make_anomaly(detector, "false")
    assert listed(reader) == [late.event_id, early.event_id]
    assert len(listed(reader, state="all")) == 4
    assert len(listed(reader, state="all", everything=1)) == 6


def test_filters_choose_by_market_kind_severity_state_and_time(reader, detector):
    other = factories.make_model(factories.make_market("USDT/VES@x"), "anomaly")
    now = timezone.now()
    drift = factories.make_anomaly(other, kind="drift", severity="low", timestamp=now - 200 * HOUR)
    spike = factories.make_anomaly(detector, timestamp=now - HOUR)
    judged = factories.make_anomaly(detector, "true", timestamp=now - 2 * HOUR)
    assert listed(reader, market=other.market_id) == [drift.event_id]
    assert listed(reader, kind="drift") == [drift.event_id]
    assert listed(reader, severity="high") == [spike.event_id]
    assert listed(reader, state="true") == [judged.event_id]
    # Days from both, so that the hour at which this runs is no matter.
    day = (now - 100 * HOUR).date().isoformat()
    assert listed(reader, **{"from": day}) == [spike.event_id]
    assert listed(reader, to=day) == [drift.event_id]


@pytest.mark.parametrize(
    "asked",
    [
        {"market": "x"},
        {"market": "9" * 40},
        {"severity": "worst"},
        {"state": "gone"},
        {"from": "2026-02-31"},
        {"to": "0000-00-00"},
        {"page": "-1"},
        {"page": "9" * 17},
        {"kind": "<script>"},
    ],
)
def test_a_filter_that_is_none_breaks_nothing(reader, detector, asked):
    factories.make_anomaly(detector)
    assert "<script>" not in reader.get(INBOX, asked).content.decode()


def test_pages_go_on_with_the_same_filters(reader, detector):
    now = timezone.now()
    for back in range(51):
        factories.make_anomaly(detector, timestamp=now - back * HOUR)
    first = reader.get(INBOX, {"severity": "high"}).content.decode()
    assert 'href="?severity=high&amp;page=2" rel="next"' in first
    assert len(listed(reader, severity="high")) == 50
    assert len(listed(reader, severity="high", page=2)) == 1


def test_queries_do_not_grow_with_events(reader, detector):
    def asked():
        with CaptureQueriesContext(connection) as caught:
            listed(reader)
        return len(caught)

    factories.make_anomaly(detector)
    one = asked()
    for _ in range(9):
        factories.make_anomaly(detector)
    assert asked() == one <= 8


def test_an_empty_inbox_says_what_to_do(reader):
    body = reader.get(INBOX).content.decode()
    assert "Show all anomalies" in body
    assert "train one" in body


def test_many_are_judged_at_once_and_what_was_judged_stays(staff, detector):
    one, two = (factories.make_anomaly(detector).event for _ in range(2))
    done = factories.make_anomaly(detector, "true").event
    ids = [one.pk, two.pk, done.pk, 10**9, "x"]
    answer = staff.post("/anomalies/settle/", {"event": ids, "verdict": "false"}, follow=True)
    assert "2 events were noted." in answer.content.decode()
    found = {e.pk: e.feedback for e in AnomalyEvent.objects.all()}
    assert found == {one.pk: "false", two.pk: "false", done.pk: "true"}
    assert AnomalyEvent.objects.get(pk=one.pk).feedback_by.username == "staff"


def test_many_are_acknowledged_at_once(staff, detector):
    event = factories.make_anomaly(detector).event
    staff.post("/anomalies/settle/?state=new", {"event": [event.pk], "verdict": "seen"})
    assert listed(staff) == []
    assert listed(staff, state="seen") == [event.pk]


def test_a_verdict_that_is_none_changes_nothing(staff, detector):
    event = factories.make_anomaly(detector).event
    data = {"event": [event.pk], "verdict": "maybe"}
    body = staff.post("/anomalies/settle/", data, follow=True).content.decode()
    assert "Feedback is true, false or empty." in body
    assert listed(staff) == [event.pk]


# ------------------------------------------------------------------------------------- one event
def test_a_page_says_in_words_what_was_seen_and_names_nothing_raw(reader, detector):
    event = factories.make_event(
        detector,
        kind="spread_blowout",
        expected={
            "spread_pct": {"observed": 3.0, "value": 1.0, "lower": 0.5, "upper": 1.5},
            "ask": {"observed": 10.9, "value": 10.0, "lower": 9.8, "upper": 10.2},
            "bid": {"observed": 10.0, "value": 10.0, "lower": 9.9, "upper": 10.1},
            "ask_volume": {"observed": None, "value": 500.0, "lower": 1.0, "upper": 9e9},
        },
        contributions={"return_ask": 0.7, "spread": 0.2, "gap_bid_volume": 0.1},
    )
    body = page(reader, event)
    for words in (
        "Spread (%): 3.000, 3.0 times the expected 1.000 (usual: 0.5000 to 1.500)",
        "Ask: 10.90, 9.0 % above the expected 10.00",
        "Ask volume: missing; 500.0 was expected",
        "Ask: move",
        "the main reason",
        "Bid volume: distance from its level",
        "a little of it",
    ):
        assert words in body
    visible = re.sub(r"<script.*?</script>", "", body, flags=re.S)
    for raw in ("spread_pct", "return_ask", "gap_bid", ">–<"):
        assert raw not in visible
    assert not re.search(r"[> ]0\.70?[ <]", visible)  # its share


def test_the_chart_marks_the_event_and_its_address_brings_what_was_expected(reader, detector):
    start = timezone.now() - 30 * HOUR
    row = factories.make_anomaly(detector, timestamp=start)
    AnomalyEvent.objects.filter(pk=row.event_id).update(end=start + 2 * HOUR)
    body = page(reader, row.event)
    spec = json.loads(re.search(r'<script id="event-\d+-spec"[^>]*>(.*?)</script>', body, re.S)[1])
    (mark,) = spec["panels"][0]["marks"]
    assert (mark["start"], mark["end"]) == pytest.approx(
        (start.timestamp(), (start + 2 * HOUR).timestamp()), abs=1
    )
    address = reverse("analytics:anomaly-chart", args=[row.event_id])
    answer = reader.get(address)
    # The made-up version has no artifact: what was stored of the event's own rows is told.
    (told,) = [t for t in answer.json()["tables"] if "ask.value" in t["columns"]]
    assert told["columns"]["ask.upper"] == [10.2]
    same = reader.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    judge_at = AnomalyEvent.objects.get(pk=row.event_id)
    judge_at.save()  # it grew: `updated_at` moves
    assert reader.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_what_came_after_earlier_ones_sees_nothing_past_the_beginning_of_this_one():
    market = factories.make_market()
    model = factories.make_model(market, "anomaly")
    now = timezone.now()
    factories.make_quotes(market, 200, end=now)
    PriceHistory.objects.filter(market=market).update(bid="10", ask="10.2")
    later = PriceHistory.objects.filter(market=market, timestamp__gt=now - 40 * HOUR)
    later.update(bid="11", ask="11.22")
    before = factories.make_event(model, start=now - 42 * HOUR)
    factories.make_event(model, start=now - 41 * HOUR, feedback="false")
    factories.make_event(model, start=now - 41 * HOUR - HOUR / 2, kind="drift")
    event = factories.make_event(model, start=now - 30 * HOUR)
    found = aftermath(event)
    assert [one.pk for one in found.similar] == [before.pk]
    (earlier,) = found.earlier
    # 24 h after it ended this one had begun 12 h ago: nobody could know.
    assert [one.move for one in earlier] == [
        pytest.approx(0, abs=1e-9),
        pytest.approx(10, abs=1e-9),
        None,
    ]
    assert earlier[1].spread == pytest.approx(1.98, abs=0.01)
    assert [one.move for one in found.own] == [pytest.approx(0, abs=1e-9)] * 3


def test_versions_that_saw_the_same_count_it_once():
    market = factories.make_market()
    factories.make_quotes(market, 200)
    now = timezone.now()
    for _ in range(3):
        factories.make_event(
            factories.make_model(market, "anomaly", "retired"), start=now - 40 * HOUR
        )
    event = factories.make_event(factories.make_model(market, "anomaly"), start=now - HOUR)
    assert len(aftermath(event).similar) == 1


def test_the_first_of_its_kind_says_so(reader, detector):
    event = factories.make_event(detector, start=timezone.now() + HOUR)
    body = page(reader, event)
    assert "It is the first of its kind in this market." in body
    assert "Nothing is known yet" in body


def test_neighbours_are_those_that_the_filters_choose(reader, detector):
    now = timezone.now()
    events = [
        factories.make_anomaly(detector, timestamp=now - back * HOUR, severity=severity).event
        for back, severity in ((1, "high"), (2, "low"), (3, "high"))
    ]
    body = page(reader, events[1], severity="high")
    newer, older = (
        re.search(rf'href="/anomalies/(\d+)/\?severity=high" rel="{rel}"', body)
        for rel in ("prev", "next")
    )
    assert (int(newer[1]), int(older[1])) == (events[0].pk, events[2].pk)


@pytest.mark.parametrize(("verdict", "feedback"), [("true", "true"), ("false", "false")])
def test_staff_judges_with_a_note_and_takes_it_back(staff, detector, verdict, feedback):
    event = factories.make_anomaly(detector).event
    judge(staff, event, verdict, note="bank holiday")
    assert (event.feedback, event.note) == (feedback, "bank holiday")
    assert "bank holiday" in page(staff, event)
    judge(staff, event, "", note="not kept")
    assert (event.feedback, event.note) == ("", "")


def test_acknowledged_says_by_whom_and_is_no_verdict(staff, detector):
    event = factories.make_anomaly(detector).event
    body = judge(staff, event, "seen").content.decode()
    assert event.feedback == ""
    assert re.search(r"Acknowledged</span> · staff", body)


def test_what_cannot_be_said_is_refused_by_name(staff, detector):
    event = factories.make_anomaly(detector).event
    body = judge(staff, event, "maybe").content.decode()
    assert "must be one of: true, false, or empty" in body
    body = judge(staff, event, "true", note="x" * 1001).content.decode()
    assert "at most 1000 characters" in body
    assert event.feedback == ""


def test_a_reader_sees_no_buttons_and_may_not_judge(reader, detector):
    event = factories.make_anomaly(detector).event
    assert 'name="verdict"' not in page(reader, event) + reader.get(INBOX).content.decode()
    assert judge(reader, event, "true").status_code == 403
    data = {"event": [event.pk], "verdict": "true"}
    assert reader.post("/anomalies/settle/", data).status_code == 403
    event.refresh_from_db()
    assert event.feedback == ""


def test_a_stranger_is_sent_to_sign_in_and_his_refresh_refused(client, detector):
    event = factories.make_anomaly(detector).event
    addresses = (INBOX, f"/anomalies/{event.pk}/", f"/anomalies/{event.pk}/chart/")
    for address in addresses:
        assert client.get(address).status_code == 302
        assert client.get(address, headers={"X-Requested-With": "fetch"}).status_code == 401


def test_an_event_that_is_none_is_not_found(staff):
    assert staff.get("/anomalies/99/").status_code == 404
    assert staff.post("/anomalies/99/judge/", {"verdict": "true"}).status_code == 404


def test_a_page_asks_few_queries(reader, detector, django_assert_max_num_queries):
    now = timezone.now()
    for back in range(1, 30):
        factories.make_anomaly(detector, timestamp=now - back * HOUR)
    event = AnomalyEvent.objects.order_by("-start").first()
    with django_assert_max_num_queries(14):
        page(reader, event)
