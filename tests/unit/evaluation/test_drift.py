"""Windows of a small shop, with and without planted defects."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.evaluation.drift.findings import DriftColumns, DriftConfig
from models.evaluation.drift.judgement import DriftJudgement, judge_drift
from models.evaluation.drift.report import write_report
from models.evaluation.drift.windows import columns_read, newest_window, split_windows

COLUMNS = DriftColumns(numerical=("price", "events", "carts", "gap", "zero", "empty"), categorical=("channel", "item"))
CONFIG = DriftConfig()
ROWS = 1500


def window(seed: int, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "price": rng.lognormal(3, 1, rows),
            "events": rng.poisson(4, rows).astype(float),
            "carts": (rng.random(rows) < 0.02).astype(float),
            "gap": np.where(rng.random(rows) < 0.4, np.nan, rng.normal(size=rows)),
            "zero": 0.0,
            "empty": np.nan,
            "channel": rng.choice(["web", "app", "mail", "ad"], rows, p=[0.5, 0.3, 0.15, 0.05]),
            "item": [f"i{number}" for number in np.minimum(rng.zipf(1.6, rows), 300)],
        }
    )


def judge(reference: pd.DataFrame, current: pd.DataFrame, config: DriftConfig = CONFIG) -> DriftJudgement:
    return judge_drift(reference, current, columns=COLUMNS, config=config, seed=1)


REFERENCE = window(0)


def planted(change: Callable[[pd.DataFrame], pd.DataFrame]) -> DriftJudgement:
    return judge(REFERENCE, change(window(1)))


def guilty(judgement: DriftJudgement) -> dict[str, str]:
    return {finding.column: finding.status for finding in judgement.columns if finding.status != "stable"}


@pytest.mark.parametrize(
    ("defect", "column", "status"),
    [
        pytest.param(lambda w: w.assign(price=9.9), "price", "drifted", id="a constant"),
        pytest.param(lambda w: w.assign(price=np.nan), "price", "not evaluable", id="all null"),
        pytest.param(lambda w: w.assign(empty=1.0), "empty", "not evaluable", id="null only before"),
        pytest.param(lambda w: w.assign(price=w.price.where(w.index % 2 == 0)), "price", "drifted", id="half null"),
        pytest.param(lambda w: w.assign(price=w.price * 100), "price", "drifted", id="a hundred times too large"),
        pytest.param(lambda w: w.assign(price=w.price / 100), "price", "drifted", id="a hundred times too small"),
        pytest.param(lambda w: w.assign(events=w.events + 1), "events", "drifted", id="mean moved half a deviation"),
        pytest.param(
            lambda w: w.assign(price=w.price.where(w.index > 0, np.inf)), "price", "not evaluable", id="infinite"
        ),
        pytest.param(lambda w: w.drop(columns="price"), "price", "not evaluable", id="missing"),
        pytest.param(lambda w: w.assign(price=w.price.astype(str)), "price", "not evaluable", id="text for numbers"),
        pytest.param(lambda w: w.assign(channel=range(len(w))), "channel", "not evaluable", id="numbers for names"),
        pytest.param(
            lambda w: w.assign(channel=w.channel.replace({"web": "app", "app": "web"})),
            "channel",
            "drifted",
            id="two categories swapped",
        ),
        pytest.param(
            lambda w: w.assign(channel=w.channel.replace("mail", "e-mail")), "channel", "drifted", id="one renamed"
        ),
        pytest.param(lambda w: w.assign(channel="web"), "channel", "drifted", id="one category left"),
        pytest.param(lambda w: w.assign(carts=1.0), "carts", "drifted", id="a flag always set"),
        pytest.param(lambda w: w.assign(zero=w.index % 3), "zero", "drifted", id="a constant comes alive"),
        pytest.param(
            lambda w: w.assign(gap=w.gap.where(w.gap.notna().cumsum() <= 20)), "gap", "drifted", id="nearly all lost"
        ),
    ],
)
def test_a_planted_defect_is_found_in_its_column_and_in_no_other(
    defect: Callable[[pd.DataFrame], pd.DataFrame], column: str, status: str
) -> None:
    judgement = planted(defect)
    assert guilty(judgement) == {column: status}
    assert judgement.status == status
    assert judgement.alerts
    assert column in judgement.reason


def test_two_windows_of_one_shop_are_stable_and_quiet() -> None:
    judgement = planted(lambda w: w)
    assert (judgement.status, judgement.alerts, judgement.drifted_share) == ("stable", False, 0.0)
    assert {finding.column for finding in judgement.columns} == {*COLUMNS.numerical, *COLUMNS.categorical}


def test_small_windows_of_one_shop_raise_no_alarm() -> None:
    # Small windows, where chance moves distances the most: 300 rows move a mean by a tenth of a deviation.
    alarms = sum(judge(window(100 + n, 300), window(200 + n, 300)).alerts for n in range(5))
    assert alarms == 0


def test_a_window_of_few_rows_cannot_be_judged_and_alerts() -> None:
    judgement = judge(REFERENCE, window(1, 90))
    assert (judgement.status, judgement.reason) == ("not evaluable", "90 rows in the current window, of 100 needed")
    assert judgement.alerts
    assert judgement.columns == ()


def test_drift_of_one_column_outweighs_a_column_that_cannot_be_judged() -> None:
    judgement = planted(lambda w: w.assign(price=np.nan, events=w.events + 3))
    assert judgement.status == "drifted"
    assert guilty(judgement) == {"price": "not evaluable", "events": "drifted"}
    assert judgement.drifted_share == pytest.approx(1 / 8)


ITEMS = DriftColumns(identities=("item",))


def items(seed: int, names: str, *, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"item": [f"{names}{number}" for number in rng.integers(0, 500, rows)]})


@pytest.mark.parametrize(
    ("current", "word"),
    [
        pytest.param(items(1, "new"), "not seen before", id="all items replaced"),
        pytest.param(pd.concat([items(1, "i", rows=750), items(2, "new", rows=750)]), "not seen before", id="half"),
        pytest.param(items(1, "i").assign(item="i7"), "share of i7", id="all events on one item"),
        pytest.param(
            items(1, "i").assign(item=lambda w: w.item.where(w.index % 2 == 0, "i7")), "share of i7", id="half on one"
        ),
    ],
)
def test_a_replaced_assortment_and_one_item_that_takes_over_are_seen(current: pd.DataFrame, word: str) -> None:
    judgement = judge_drift(items(0, "i"), current.reset_index(drop=True), columns=ITEMS, config=CONFIG, seed=1)
    assert judgement.status == "drifted"
    assert word in judgement.columns[0].reason


def test_an_assortment_of_many_items_that_stays_is_stable() -> None:
    for seed in range(1, 6):
        judgement = judge_drift(items(0, "i"), items(seed, "i"), columns=ITEMS, config=CONFIG, seed=seed)
        assert judgement.status == "stable", judgement.columns


def test_a_column_of_rare_values_that_are_all_others_has_drifted() -> None:
    columns = DriftColumns(categorical=("item",))
    judgement = judge_drift(items(0, "i"), items(1, "new"), columns=columns, config=CONFIG, seed=1)
    assert (judgement.status, judgement.columns[0].method) == ("drifted", "share of values not seen before")


def seasons(days: int) -> pd.DataFrame:
    """Rows of a shop whose prices rise a little every day."""
    moments = pd.date_range("2026-01-01", periods=days * 40, freq="36min", tz="UTC")
    price = np.random.default_rng(3).normal(np.arange(days * 40) / 400, 1.0)
    return pd.DataFrame({"event_timestamp": moments, "price": price})


def test_the_rows_that_a_model_was_trained_on_have_not_drifted_from_themselves() -> None:
    rows, columns = seasons(120), DriftColumns(numerical=("price",))
    current = split_windows(rows)[1]
    learnt = newest_window(rows, min_rows=CONFIG.min_rows)
    assert judge_drift(rows, current, columns=columns, config=CONFIG, seed=1).status == "drifted"
    assert judge_drift(learnt, current, columns=columns, config=CONFIG, seed=1).status == "stable"
    assert newest_window(learnt, min_rows=CONFIG.min_rows).equals(learnt)


def test_a_newest_window_of_few_rows_is_no_reference() -> None:
    rows = seasons(120)
    assert newest_window(rows, min_rows=10_000).equals(rows)


def test_only_columns_that_the_champion_reads_are_judged(tmp_path: Path) -> None:
    assert columns_read(COLUMNS, tmp_path) == COLUMNS
    (tmp_path / "config.json").write_text('{"feature_names": ["price", "channel", "age"]}')
    assert columns_read(COLUMNS, tmp_path) == DriftColumns(numerical=("price",), categorical=("channel",))


def test_rows_of_one_unit_count_once() -> None:
    # A thousand rows of 50 sessions are 50 cases, too few to judge.
    columns = DriftColumns(numerical=("price",), unit="session_id")
    repeated = window(3, 1000).assign(session_id=np.arange(1000) % 50)
    judgement = judge_drift(repeated, repeated, columns=columns, config=CONFIG, seed=1)
    assert (judgement.status, judgement.current_rows) == ("not evaluable", 50)


def test_a_window_of_many_rows_is_not_taken_for_one_of_long_sessions() -> None:
    rng = np.random.default_rng(5)

    def sessions(number: int) -> pd.DataFrame:
        lengths = np.where(rng.random(number) < 0.5, 1, 20)
        session = np.repeat(np.arange(number), lengths)
        return pd.DataFrame({"session_id": session, "length": lengths[session].astype(float)})

    columns = DriftColumns(numerical=("length",), unit="session_id")
    config = DriftConfig(max_rows=1_000)
    judgement = judge_drift(sessions(8_000), sessions(900), columns=columns, config=config, seed=1)
    assert (judgement.status, judgement.reference_rows) == ("stable", 1_000)


def test_a_large_window_is_sampled() -> None:
    judgement = judge(REFERENCE, window(1), DriftConfig(max_rows=400))
    assert (judgement.reference_rows, judgement.current_rows) == (400, 400)


def test_a_judgement_reads_back_as_it_was_written(tmp_path: Path) -> None:
    judgement = planted(lambda w: w.assign(price=np.nan))
    judgement.write(tmp_path / "drift.json")
    assert DriftJudgement.read(tmp_path / "drift.json") == judgement


def test_the_report_names_what_could_not_be_measured_and_asks_nothing_of_a_network(tmp_path: Path) -> None:
    current = window(1).assign(price=np.nan, channel="web<script>")
    judgement = judge(REFERENCE, current)
    path = tmp_path / "reports" / "drift.html"
    write_report(REFERENCE, current, judgement, columns=COLUMNS, config=CONFIG, seed=1, path=path)
    page = path.read_text()
    assert "all null in the current window only" in page
    # What drifted stands before what did not.
    statuses = re.findall(r"<tr><td>[a-z]+</td><td>([a-z ]+)</td>", page)
    assert sorted(statuses, key=lambda status: status == "stable") == statuses
    assert statuses[0] != statuses[-1] == "stable"
    assert "web&lt;script&gt;" in page
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?https?:""", page)
    assert not re.findall(r"""(?:url\(|@import\s+)["']?https?:""", page)


def test_a_report_without_a_measured_column_is_still_written(tmp_path: Path) -> None:
    judgement = judge(REFERENCE, window(1, 10))
    write_report(REFERENCE, window(1, 10), judgement, columns=COLUMNS, config=CONFIG, seed=1, path=tmp_path / "d.html")
    assert "10 rows in the current window" in (tmp_path / "d.html").read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_rows": 1},
        {"min_values": 1},
        {"min_rows": 50, "max_rows": 40},
        {"wasserstein": 0.0},
        {"psi": -1.0},
        {"share": 0.0},
        {"novelty": 0.0},
        {"turnover": 0.0},
        {"kolmogorov_smirnov": 0.0},
        {"false_alarm_rate": 1.0},
    ],
)
def test_settings_under_which_nothing_or_everything_drifts_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|<="):
        DriftConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("numerical", "categorical"), [((), ()), (("price", "price"), ()), (("price",), ("price",))])
def test_a_list_of_no_columns_or_of_one_twice_is_refused(
    numerical: tuple[str, ...], categorical: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="column"):
        DriftColumns(numerical=numerical, categorical=categorical)


@pytest.mark.parametrize(
    ("stricter", "current", "column"),
    [
        ({"wasserstein": 1.0, "kolmogorov_smirnov": 1.0}, lambda w: w.assign(price=w.price * 1.35), "price"),
        ({"share": 2.0, "psi": 9.0}, lambda w: w.assign(channel=w.channel.where(w.index % 8 > 0, "ad")), "channel"),
        ({"novelty": 1.0}, lambda w: w.assign(channel=w.channel.where(w.index % 100 > 0, "tv")), "channel"),
        ({"false_alarm_rate": 1e-300}, lambda w: w.assign(events=w.events + 1), "events"),
    ],
)
def test_each_limit_decides_what_matters(
    stricter: dict[str, float], current: Callable[[pd.DataFrame], pd.DataFrame], column: str
) -> None:
    assert guilty(judge(REFERENCE, current(window(1)))) == {column: "drifted"}
    assert guilty(judge(REFERENCE, current(window(1)), DriftConfig(**stricter))) == {}  # type: ignore[arg-type]


def test_a_column_needs_the_least_number_of_values() -> None:
    lonely = window(0).assign(gap=lambda w: w.gap.where(w.index < 80))
    other = window(1).assign(gap=lambda w: w.gap.where(w.index < 80))
    assert guilty(judge(lonely, other, DriftConfig(min_values=30))) == {}
    assert guilty(judge(lonely, other, DriftConfig(min_values=100))) == {"gap": "not evaluable"}
