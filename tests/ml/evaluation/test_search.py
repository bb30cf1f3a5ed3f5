"""What a tuning may try: what families declare, and what people name."""

from __future__ import annotations

import pytest

import ml
from ml.errors import BadConfig
from ml.evaluation.search import Search, default_searches, parse_search
from ml.spec import make_config

PRICE = ml.get_spec("price")
FORECASTERS = [spec for spec in ml.list_specs() if spec.of_task.horizons]


@pytest.mark.parametrize("spec", FORECASTERS, ids=lambda spec: f"{spec.name}-{spec.task}")
def test_what_a_family_declares_can_be_trained_and_holds_its_default(spec):
    found = default_searches(spec)
    assert {"learning_rate", "window"} <= {one.name for one in found}
    default = make_config(spec.config, {})
    for one in found:
        make_config(spec.config, {one.name: one.low})
        make_config(spec.config, {one.name: one.high})
        assert one.low <= getattr(default, one.name) <= one.high


def test_rates_are_looked_at_on_a_log_scale():
    scales = {one.name: one.log for one in default_searches(PRICE)}
    assert scales["learning_rate"]
    assert not scales["dropout"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("16..64", Search(name="hidden", low=16, high=64, step=1)),
        ("4..64", Search(name="hidden", low=4, high=64, step=1, log=True)),
        ("16, 32,16", Search(name="hidden", choices=(16, 32))),
        ("16", Search(name="hidden", choices=(16,))),
    ],
)
def test_ranges_choices_and_a_value_are_told_apart(text, found):
    assert parse_search(PRICE, "hidden", text) == found
    assert found.is_kept is (text == "16")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("hidden", text) for text in ("64..16", "16..16", "16..", "1..64", "few", "16,few", "")],
        ("depth", "1..3"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name, text):
    with pytest.raises(BadConfig) as refused:
        parse_search(PRICE, name, text)
    assert list(refused.value.fields) == [name]
