"""Training: what is judged is newer than what was learnt, and too few searches give the baseline that needs none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from search_shop import searches_table

from models.progress import Progress
from models.search.config import SearchConfig, for_size
from models.search.dataset import Pasts, read_searches
from models.search.predict import FUSION, SearchEngine
from models.search.ranker import Groups, fit_ranker
from models.search.train import SearchTables, train
from models.tabular.errors import BadTrainingTableError
from models.training import BASELINE_FOLDER, read_card

CONFIG = replace(for_size("tiny"), min_rows_in_leaf=5, rounds=30, resamples=200)


def tables(items: pa.Table, searches: pa.Table) -> SearchTables:
    day = pa.array(["2026-01-02"]).cast(pa.date32())
    demand = pa.table({"item_id": ["i00"], "event_date": day, "views": [4], "purchases": [1]})
    past = pa.table(
        {
            "user_id": ["u1", "u1"],
            "event_timestamp": searches["event_timestamp"].slice(0, 2),
            "item_id": ["i00", "i01"],
        }
    )
    return SearchTables(searches=searches, items=items, demand=demand, interactions=past)


def run(items: pa.Table, folder: Path, *, count: int) -> tuple[list[Progress], object]:
    steps: list[Progress] = []
    evaluation = train(
        tables(items, searches_table(items, count=count)),
        config=CONFIG,
        out_dir=folder,
        seed=7,
        device="cpu",
        precision="fp32",
        report=steps.append,
    )
    return steps, evaluation


@pytest.fixture(scope="module")
def trained(items: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("search")
    _, evaluation = run(items, folder, count=150)
    return folder, evaluation


def test_a_trained_engine_answers_as_it_did_when_it_was_judged(trained: tuple[Path, object]) -> None:
    folder, evaluation = trained
    assert evaluation.cases == 30  # type: ignore[attr-defined]
    assert set(evaluation.gains) == {"bm25_title", "bm25", "semantic", FUSION}  # type: ignore[attr-defined]
    engine = SearchEngine.load(folder)
    hits = engine.search("coffee mug blue")
    assert engine.ranker is not None
    assert "Mug, Blue" in str(engine.catalogue.titles[hits.places[0]])
    assert SearchEngine.load(folder).search("coffee mug blue").scores == pytest.approx(hits.scores)


def test_the_card_says_what_was_learnt_from(trained: tuple[Path, object]) -> None:
    card = read_card(trained[0])
    assert card["rows"] == {"train": 102, "validation": 18, "test": 30}
    assert card["importance"]


def test_a_shop_with_few_searches_gets_the_baseline_that_needs_none(items: pa.Table, tmp_path: Path) -> None:
    _, evaluation = run(items, tmp_path, count=20)
    assert "20 searches led to an item" in evaluation.not_evaluable  # type: ignore[attr-defined]
    engine = SearchEngine.load(tmp_path / BASELINE_FOLDER)
    assert engine.ranker is None
    assert "Headphones" in str(engine.catalogue.titles[engine.search("headphones").places[0]])


def test_searches_come_in_the_order_of_time_and_those_for_deleted_items_are_left_out(items: pa.Table) -> None:
    table = searches_table(items, count=30)
    ids = [item for item in items["item_id"].to_pylist() if item != "i00"]
    searches = read_searches(table.take(list(range(29, -1, -1))), ids, at_most=10)
    assert [one.at_us for one in searches] == sorted(one.at_us for one in searches)
    assert len(searches) == 10
    assert "i00" not in {one.item_id for one in searches}


def test_a_table_without_a_column_is_refused_by_name(items: pa.Table) -> None:
    table = searches_table(items, count=5).drop_columns(["query"])
    with pytest.raises(BadTrainingTableError, match="lacks query"):
        read_searches(table, items["item_id"].to_pylist(), at_most=10)


def test_a_past_holds_nothing_of_the_search_or_after_it(items: pa.Table) -> None:
    table = searches_table(items, count=3)
    moments = table["event_timestamp"].cast(pa.timestamp("us", "UTC"))
    pasts = Pasts(pa.table({"user_id": ["u"] * 3, "event_timestamp": moments, "item_id": ["a", "b", "c"]}))
    second = moments.cast(pa.int64()).to_pylist()[1]
    past = pasts.before("u", second)
    assert past is not None
    assert list(past.item_ids) == ["a"]
    assert pasts.before("nobody", second) is None


def test_clicks_at_places_that_are_seldom_looked_at_teach_more() -> None:
    rng = np.random.default_rng(1)
    # Two features: one tells the place, the other what is wanted. Clicks fall on the first place ten times as often.
    features, gains, weights, sizes = [], [], [], []
    for _ in range(600):
        wanted = rng.integers(0, 2)
        shown_first = rng.integers(0, 2)
        clicked = wanted if wanted == shown_first or rng.random() < 0.1 else None
        if clicked is None:
            continue
        features += [[float(place == shown_first), float(place == wanted) + 0.5 * rng.normal()] for place in (0, 1)]
        gains += [float(place == clicked) for place in (0, 1)]
        weights += [1.0 if clicked == shown_first else 10.0] * 2
        sizes.append(2)
    columns = {"features_RF": np.array(features), "gains_R": np.array(gains), "sizes": np.array(sizes)}
    config = SearchConfig(min_rows_in_leaf=20, rounds=40)
    raw = Groups(**columns)
    corrected = Groups(**columns, weights_R=np.array(weights))
    leaning = [
        fit_ranker(groups, groups, names=("place", "wanted"), config=config, seed=0).booster.feature_importance("gain")
        for groups in (raw, corrected)
    ]
    shares = [gain[0] / gain.sum() for gain in leaning]
    assert shares[1] < shares[0] / 2
