"""Reliability, gain and lift, and the pictures that the UI shows of them."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from models.evaluation.curves import Curves
from orchestration.charts import curves_metadata


def test_gain_and_lift_follow_the_likeliest_first() -> None:
    outcomes = np.arange(100) < 10
    perfect = Curves.of(outcomes, np.linspace(0.9, 0.1, 100), outcome="a purchase")
    at = {point.share: point for point in perfect.gain}
    assert at[0.05].gain == pytest.approx(0.5)
    assert at[0.1].lift == pytest.approx(10.0)
    assert at[1.0].gain == at[1.0].lift == pytest.approx(1.0)


def test_equal_probabilities_gain_what_chance_does() -> None:
    outcomes = np.arange(100) < 10
    flat = Curves.of(outcomes, np.full(100, 0.3), outcome="a purchase")
    assert [point.lift for point in flat.gain] == pytest.approx([1.0] * 20)
    (only,) = flat.reliability
    assert (only.forecast, only.observed, only.share) == pytest.approx((0.3, 0.1, 1.0))


def test_a_weight_of_two_is_the_row_twice() -> None:
    rng = np.random.default_rng(1)
    outcomes, scores, weights = rng.random(300) < 0.3, rng.random(300).round(2), rng.integers(1, 4, 300)
    repeated = np.repeat(np.arange(300), weights)
    weighted = Curves.of(outcomes, scores, weights.astype(float), outcome="x")
    written_out = Curves.of(outcomes[repeated], scores[repeated], outcome="x")
    np.testing.assert_allclose([p.gain for p in weighted.gain], [p.gain for p in written_out.gain])
    np.testing.assert_allclose(
        [b.observed for b in weighted.reliability], [b.observed for b in written_out.reliability]
    )


def test_honest_probabilities_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random(60_000)
    curves = Curves.of(rng.random(60_000) < scores, scores, outcome="x")
    assert len(curves.reliability) == 15
    assert all(one.forecast == pytest.approx(one.observed, abs=0.03) for one in curves.reliability)


def test_acting_above_cost_over_benefit_earns_most() -> None:
    rng = np.random.default_rng(4)
    scores = rng.random(50_000)
    outcomes = rng.random(50_000) < scores
    for point in Curves.of(outcomes, scores, outcome="x").benefit:
        earned = {t: ((outcomes - point.ratio) * (scores >= t)).mean() for t in np.linspace(0, 1, 41)}
        assert point.net == pytest.approx(max(earned.values()), abs=0.002)
        assert point.net >= max(point.net_of_all, 0.0)
        assert point.share == pytest.approx(1 - point.ratio, abs=0.01)


def test_net_benefit_is_counted_by_hand() -> None:
    curves = Curves.of(np.array([True, False, True, False]), np.array([0.9, 0.6, 0.3, 0.1]), outcome="x")
    half = next(point for point in curves.benefit if point.ratio == 0.5)
    assert (half.share, half.net, half.net_of_all) == pytest.approx((0.5, (0.5 - 0.5) / 4, 0.0))
    low = next(point for point in curves.benefit if point.ratio == 0.2)
    assert (low.share, low.net, low.net_of_all) == pytest.approx((0.75, (0.8 - 0.2 + 0.8) / 4, 0.3))


def test_curves_without_the_outcome_are_refused() -> None:
    with pytest.raises(ValueError, match="rows with the outcome"):
        Curves.of(np.zeros(3, dtype=bool), np.ones(3), outcome="x")


def test_curves_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert Curves.read(tmp_path) is None
    curves = Curves.of(np.arange(50) % 3 == 0, np.linspace(0, 1, 50), outcome="x")
    curves.write(tmp_path)
    assert Curves.read(tmp_path) == curves


def test_the_ui_gets_pictures_with_a_dot_for_every_point_and_the_numbers_below() -> None:
    curves = Curves.of(np.arange(200) % 3 == 0, np.linspace(0, 0.4, 200), outcome="a purchase")
    metadata = curves_metadata(curves)
    for name, dots, charts, rows in (
        ("reliability", 15, 1, 15),
        ("gain and lift", 41, 2, 20),
        ("net benefit", 19, 1, 19),
    ):
        text = metadata[name].value
        assert text is not None
        image = re.search(r"data:image/svg\+xml;base64,([^)]+)", text)
        assert image is not None
        svg = ElementTree.fromstring(base64.b64decode(image[1]))
        space = "{http://www.w3.org/2000/svg}"
        assert len(svg.findall(f".//{space}circle")) == dots
        assert len(svg.findall(f"{space}g")) == charts
        assert text.count("\n|") == 2 + rows
    assert curves_metadata(None) == {}
