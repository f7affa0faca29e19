"""The recommender from marts to an artefact that is served: a tiny shop, every contender, real parts."""

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from models.device import new_accelerator
from models.evaluation.ranking import top_items
from models.evaluation.results import Evaluation
from models.progress import Progress, ignore_progress
from models.recommender.artefact import catalogue_table, export_encoders, write_artefact
from models.recommender.baselines import fit_lists, plain_popularity
from models.recommender.choice import FROM_SCRATCH, FROM_THE_CHAMPION
from models.recommender.cold.fit import cold_features, fit_cold_items
from models.recommender.cold.items import ColdChoice
from models.recommender.cold.pictures import with_pictures
from models.recommender.config import for_size
from models.recommender.dataset import Interactions, item_attributes, window
from models.recommender.evaluate import gain, rank_cases
from models.recommender.history import BEHAVIOURS, History
from models.recommender.incumbent import Incumbent, measure_incumbent
from models.recommender.predict import HistoryEvent, Recommender, UnknownItemError
from models.recommender.scoring import standardise, weighted_sum
from models.recommender.served.onnx_sequence import OnnxSequence
from models.recommender.train import ALONE, train
from models.recommender.transformer.beginning import BEGINNING_FILE
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run, fit_views
from models.training import BASELINE_FOLDER, beside_file, read_card, read_evaluation
from shopsight.settings import REPO_ROOT
from shopsight.spark_warehouse import spark_session, why_no_spark

AISLES, SHELF = 6, 12
TINY = for_size("tiny")
NAMES = ("transformer", "ease", "item_knn", "popularity_recent")


def _fit(data, items, run, *, phase="run", epochs=2, names=NAMES, report=ignore_progress):
    attributes_NA = item_attributes(items, data.item_ids)
    return fit_views(data, attributes_NA, run, phase=phase, epochs=epochs, names=names, report=report)


def _blended(scorers, weights, histories):
    return weighted_sum({name: standardise(scorers[name].scores(histories)) for name in weights}, weights)


def _interactions(rows: list[tuple[str, str, str, datetime]]) -> pa.Table:
    rows = sorted(rows, key=lambda row: (row[0], row[3]))
    users = [row[0] for row in rows]
    nth = [place - users.index(user) + 1 for place, user in enumerate(users)]
    return pa.table(
        {
            "user_id": users,
            "item_id": [row[1] for row in rows],
            "event_name": [row[2] for row in rows],
            "event_timestamp": pa.array([row[3] for row in rows], pa.timestamp("us", tz="UTC")),
            "nth": pa.array(nth, pa.int64()),
        }
    )


@pytest.fixture(scope="module")
def shop() -> tuple[pa.Table, pa.Table]:
    """300 shoppers in 30 days; nine steps in ten go to the next item of the aisle."""
    rng = np.random.default_rng(3)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[tuple[str, str, str, datetime]] = []
    for user in range(300):
        day, aisle, place = float(rng.uniform(0, 25)), int(rng.integers(AISLES)), int(rng.integers(SHELF))
        for _ in range(int(rng.integers(6, 16))):
            for step, (event_name, share) in enumerate([("view_item", 1.0), ("add_to_cart", 0.3), ("purchase", 0.15)]):
                if rng.random() < share:
                    moment = start + timedelta(days=day, seconds=step)
                    rows.append((f"u{user:03d}", f"a{aisle}-{place:02d}", event_name, moment))
            place = (place + 1) % SHELF
            if rng.random() < 0.1:
                aisle, place = int(rng.integers(AISLES)), int(rng.integers(SHELF))
            day = min(day + float(rng.exponential(0.8)), 29.9)
    ids = [f"a{aisle}-{place:02d}" for aisle in range(AISLES) for place in range(SHELF)] + ["a0-new"]
    items = pa.table(
        {
            "item_id": ids,
            "title": [f"Title of {one}" for one in ids],
            "category": [f"Aisles > {one[:2]}" for one in ids],
            "brand": pa.array([None] * len(ids), pa.string()),
            "price": [float(place) for place in range(len(ids))],
            "is_available": [one != "a5-00" for one in ids],
        }
    )
    return _interactions(rows), items


@pytest.fixture(scope="module")
def trained(shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("candidate")
    reports: list[Progress] = []
    evaluation = train(
        *shop, config=TINY, out_dir=folder, seed=5, device="cpu", precision="fp32", report=reports.append
    )
    return folder, evaluation, reports


@pytest.fixture(scope="module")
def everything(shop, tmp_path_factory):
    """All contenders fitted on the whole shop, and an artefact of the even blend of them."""
    folder = tmp_path_factory.mktemp("blend")
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)
    run = _run(folder)
    views = _fit(data, items, run)
    weights = {"transformer": 0.4, "ease": 0.2, "item_knn": 0.3, "popularity_recent": 0.1}
    write_artefact(
        folder,
        candidate="blend",
        weights=weights,
        catalogue=catalogue_table(items, data.item_ids),
        constants=fit_lists(data, TINY.popularity),
        neighbours=views.neighbours,
        sequence=views.transformer.scorer,
    )
    return data, views.scorers, weights, Recommender.load(folder)


@pytest.fixture(scope="module")
def in_codes(everything, shop, tmp_path_factory):
    """The same blend, its item vectors in eight bits beside those in full."""
    data, scorers, weights, _ = everything
    folder = tmp_path_factory.mktemp("codes")
    write_artefact(
        folder,
        candidate="blend",
        weights=weights,
        catalogue=catalogue_table(shop[1], data.item_ids),
        constants=fit_lists(data, TINY.popularity),
        neighbours={name: scorers[name] for name in ("item_knn", "ease")},
        sequence=scorers["transformer"],
        coded_from=0,
    )
    assert (folder / "item_codes.onnx").exists()
    return Recommender.load(folder)


@pytest.fixture(scope="module")
def cold(shop, tmp_path_factory):
    """An artefact of a shop with one item in every aisle that nobody touched; their texts name the aisle."""
    folder = tmp_path_factory.mktemp("cold")
    interactions, items = shop
    more = [f"a{aisle}-cold" for aisle in range(1, AISLES)]
    of_aisle = [f"Aisles > {one[:2]}" for one in more]
    new = pa.table({"item_id": more, "title": [f"Title of {one}" for one in more], "category": of_aisle})
    items = pa.concat_tables([items, new], promote_options="default")
    data = Interactions.from_tables(interactions, items)
    run = _run(folder)
    views = _fit(data, items, run, names=("transformer", "item_knn"))
    sequence = views.transformer.scorer
    choice = ColdChoice(kind="attributes", similarity={"attributes": 0.5})
    features = cold_features(data, items, run)
    assert features is not None, "the new items have a category"
    projected = fit_cold_items(data, features, sequence, run, choice=choice)
    write_artefact(
        folder,
        candidate="blend",
        weights={"transformer": 0.5, "item_knn": 0.5},
        catalogue=catalogue_table(items, data.item_ids),
        constants=fit_lists(data, TINY.popularity),
        neighbours=views.neighbours,
        sequence=sequence,
        cold=projected,
    )
    return folder, projected, data, sequence


def _run(folder, config=TINY):
    return Run(config=config, seed=5, accelerator=new_accelerator("cpu", "fp32"), checkpoints=folder)


def _views(*item_ids, event_name="view_item"):
    return [HistoryEvent(item_id=item_id, event_name=event_name) for item_id in item_ids]


def test_the_candidate_beats_popularity_on_a_shop_with_a_sequence(trained):
    _, evaluation, _ = trained
    assert evaluation.not_evaluable is None
    assert evaluation.gains["popularity"].low > 0
    assert evaluation.gains["popularity_recent"].low > 0
    assert evaluation.cases >= 50


def test_every_contender_stands_beside_the_candidate(trained):
    folder, evaluation, _ = trained
    assert set(ALONE) <= {evaluation.candidate, *evaluation.baselines}
    for metrics in (evaluation.metrics, *evaluation.baselines.values()):
        expected = {f"{name}@{k}" for name in ("ndcg", "recall", "mrr") for k in (5, 10, 20)} | {"coverage@10"}
        assert expected == set(metrics)
        assert all(one.low <= one.value <= one.high for one in metrics.values())
    assert Evaluation.read(folder / "evaluation.json") == evaluation


def test_the_card_says_what_was_counted_and_left_out(trained):
    folder, evaluation, _ = trained
    card = json.loads((folder / "card.json").read_text())
    assert card["targets"]["test"]["measured"] > 0
    assert "full ranking" in evaluation.protocol
    assert card["settings"]["ease"]["regularisation"] == TINY.ease.regularisation
    assert len(card["transformer"]["losses"]) == TINY.transformer.epochs


def test_the_card_says_what_the_sentinels_saw(trained):
    card = json.loads((trained[0] / "card.json").read_text())
    limits = {reading["sentinel"]: (reading["value"], reading["limit"]) for reading in card["sentinels"]}
    assert set(limits) == {"interactions_not_newer", "targets_are_new", "shuffled_histories"}
    assert all(value <= limit for value, limit in limits.values())


def test_progress_only_goes_forward_and_ends_at_one(trained):
    fractions = [report.fraction for report in trained[2]]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_candidate_folder_holds_no_checkpoint_and_no_pickle(trained):
    names = {path.name for path in trained[0].rglob("*")}
    assert names <= {
        "config.json", "card.json", "evaluation.json", "catalogue.parquet", "arrays.safetensors", "sequence.onnx",
        BEGINNING_FILE, BASELINE_FOLDER,
    }  # fmt: skip


def test_beside_the_candidate_lies_the_better_baseline_with_its_figures_from_the_same_test_window(trained):
    folder, evaluation, _ = trained
    stands_in = read_evaluation(folder / BASELINE_FOLDER)
    assert stands_in.candidate in ("popularity", "popularity_recent")
    assert stands_in.metrics == evaluation.baselines[stands_in.candidate]
    model, baseline = Recommender.load(folder), Recommender.load(folder / BASELINE_FOLDER)
    assert baseline.weights == {stands_in.candidate: 1.0}
    assert baseline.similar_items("a1-01", num_results=5) == model.similar_items("a1-01", num_results=5)
    history = _views("a1-01")
    assert {item.source for item in baseline.recommend(history, num_results=5)} == {"popularity"}


def test_a_first_candidate_says_that_it_was_trained_from_scratch(trained):
    begun = read_card(trained[0])["begun"]
    assert begun["chosen"] == FROM_SCRATCH
    assert begun["why not from the champion"] == "nothing serves yet"


@pytest.fixture(scope="module")
def later(trained, shop, tmp_path_factory):
    """A candidate of a month later, beside the champion of ``trained``; other shoppers do the same."""
    interactions, items = shop
    month = pa.scalar(timedelta(days=30), pa.duration("us"))
    again = interactions.set_column(
        interactions.column_names.index("event_timestamp"),
        "event_timestamp",
        pc.add(interactions["event_timestamp"], month),
    )
    # Others who do the same: the first shoppers have met these items before.
    users = pc.binary_join_element_wise("later", again["user_id"], "-")
    again = again.set_column(again.column_names.index("user_id"), "user_id", users)
    folder = tmp_path_factory.mktemp("later")
    train(
        pa.concat_tables([interactions, again]), items, config=TINY, out_dir=folder, seed=5, device="cpu",
        precision="fp32", report=ignore_progress, champion=trained[0],
    )  # fmt: skip
    return folder


@pytest.mark.slow
def test_a_later_candidate_is_trained_from_the_champion_too_and_is_the_better_of_both(trained, later):
    card = read_card(later)
    figures = card["begun"]["ndcg@10"]
    assert set(figures) == {FROM_SCRATCH, FROM_THE_CHAMPION}
    assert card["begun"]["chosen"] == max(figures, key=lambda way: figures[way])
    assert card["contenders on validation"][read_evaluation(later).candidate] == max(figures.values())
    assert card["begun"]["champion"] == trained[0].name


@pytest.mark.slow
def test_the_champion_is_measured_on_the_test_cases_of_a_candidate_that_are_all_after_its_training(trained, later):
    beside, candidate = Evaluation.read(later / beside_file(trained[0].name)), read_evaluation(later)
    assert beside.cases == candidate.cases
    assert beside.candidate == trained[1].candidate
    assert set(beside.slices) == set(candidate.slices)
    assert beside.metrics["ndcg@10"].value > candidate.baselines["popularity"]["ndcg@10"].value


def test_a_champion_that_has_seen_a_part_of_the_test_window_is_not_measured_on_it(trained, everything):
    data, *_ = everything
    test = window(
        data, start=data.quantile_time(0.9), end=np.inf, max_targets_per_user=3, max_targets=200, max_users=40, seed=0
    )
    cutoff = data.quantile_time(0.9)
    users_C = np.array([case.user for case in test.cases])
    assert measure_incumbent(trained[0], test, users_C, cutoff=cutoff, config=TINY.evaluation, seed=1) is None
    after_all = measure_incumbent(
        trained[0], test, users_C, cutoff=data.times_E.max() + 1, config=TINY.evaluation, seed=1
    )
    assert after_all is not None


def test_an_incumbent_scores_as_it_serves_and_puts_last_what_it_does_not_know(everything):
    data, scorers, weights, recommender = everything
    ids = np.array(["a new item", *data.item_ids[::-1]], dtype=object)
    incumbent = Incumbent.of(recommender, ids)
    place = {item: number for number, item in enumerate(ids)}
    history = _views("a1-01", "a1-02")
    own = recommender.encode(history)
    read = History(np.array([place[event.item_id] for event in history]), own.behaviours)
    unread = History(np.array([place["a new item"]]), own.behaviours[:1])
    known_1N, popular_1N = np.split(incumbent.scores([read, unread]), 2)
    expected_N = _blended(scorers, weights, [own])[0]
    assert known_1N[0, [place[item] for item in data.item_ids]] == pytest.approx(expected_N, abs=1e-4)
    assert known_1N[0].argmin() == 0
    best = [ids[item] for item in np.argsort(-popular_1N[0])[:3]]
    assert best == [data.item_ids[item] for item in np.argsort(-recommender.lists.popularity_N)[:3]]


@pytest.mark.slow
def test_the_same_seed_trains_the_same_candidate(trained, shop, tmp_path):
    again = train(*shop, config=TINY, out_dir=tmp_path, seed=5, device="cpu", precision="fp32", report=ignore_progress)
    assert again == trained[1]


def test_what_is_served_scores_as_what_was_evaluated(everything):
    data, scorers, weights, recommender = everything
    test_window = window(
        data, start=data.quantile_time(0.9), end=np.inf, max_targets_per_user=3, max_targets=200, max_users=40, seed=0
    )
    everyone = np.ones(len(recommender.catalogue), dtype=np.bool_)
    for case in test_window.cases:
        ids = [str(test_window.train.item_ids[item]) for item in case.history.items]
        events = [BEHAVIOURS[code - 1] for code in case.history.behaviours]
        history = [HistoryEvent(item_id=i, event_name=e) for i, e in zip(ids, events, strict=True)]
        codes = recommender.encode(history)
        scores_N = _blended(scorers, weights, [codes])[0]
        expected = top_items(scores_N, length=10, masked=codes.items)
        served = recommender.recommend(history, num_results=10, allowed=everyone)
        assert [one.item_id for one in served] == [data.item_ids[item] for item in expected]
        assert [one.score for one in served] == pytest.approx(scores_N[expected], abs=1e-4)


@pytest.mark.parametrize("length", [1, 2, 7, 50])
def test_the_network_in_onnx_is_the_network_in_torch(everything, length):
    data, scorers, _, recommender = everything
    rng = np.random.default_rng(length)
    histories = [
        type(recommender.encode([]))(rng.integers(0, data.items, n), rng.integers(1, 6, n)) for n in (length, 1, 3)
    ]
    torch_scores = scorers["transformer"].scores(histories)
    onnx_scores = recommender.scorers["transformer"].scores(histories)
    assert onnx_scores == pytest.approx(torch_scores, abs=1e-4)


def test_a_first_pass_in_eight_bits_changes_neither_a_list_nor_its_reasons(everything, in_codes):
    recommender = everything[3]
    for history in (_views("a1-01"), _views("a2-03", "a3-04"), _views(*(f"a4-{n:02d}" for n in range(8)))):
        one, other = (it.recommend(history, num_results=20, explain=True) for it in (recommender, in_codes))
        assert [item.item_id for item in one] == [item.item_id for item in other]
        assert [item.score for item in one] == pytest.approx([item.score for item in other], abs=2e-3)
        listed = ["a1-05", "a2-02", "a5-07", "a2-11"]
        ranked = [[item.item_id for item in it.rank(history, listed)] for it in (recommender, in_codes)]
        assert ranked[0] == ranked[1]
        again = in_codes.explained(history, [replace(item, reasons=()) for item in other])
        # The first: further ones may be worth next to nothing, and nearly the same.
        because = [[item.reasons[0].item_ids for item in items] for items in (one, other, again)]
        assert because[0] == because[1] == because[2]


def test_an_ensemble_is_served_as_the_sum_of_its_members(shop, tmp_path):
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)
    config = replace(TINY, transformer=replace(TINY.transformer, members=2, random_starts=1, ema_decay=0.9))
    trained = _fit(data, items, _run(tmp_path, config), epochs=(1, 2)).transformer
    scorer = trained.scorer
    assert trained.epochs == (1, 2)
    lengths = [float(np.linalg.norm(member.table.all_items().detach().numpy())) for member in scorer.members]
    assert lengths[0] > 2 * lengths[1], "the second member's vectors did not start as factors"
    encoders, width = [member.encoder for member in scorer.members], scorer.vectors.vectors_ND.shape[1]
    export_encoders(encoders, tmp_path / "two.onnx", length=scorer.length, width=width)
    served = OnnxSequence.load(tmp_path / "two.onnx", vectors=scorer.vectors, length=scorer.length, threads=1)
    histories = [History(np.arange(length), np.ones(length, dtype=np.int64)) for length in (1, 7, 3)]
    alone = [SequenceScorer.of(member, length=scorer.length).scores(histories) for member in scorer.members]
    first, second = alone
    assert not np.allclose(first, second)
    assert served.scores(histories) == pytest.approx(sum(alone), abs=1e-3)


def test_a_history_of_more_than_fifty_events_is_read_from_its_end(everything):
    *_, recommender = everything
    tail = _views(*(f"a1-{n % 6:02d}" for n in range(50)))
    longer = [*_views("a4-01", "a4-02"), *tail]
    one = recommender.recommend(tail, num_results=5, exclude=["a4-01", "a4-02"])
    other = recommender.recommend(longer, num_results=5)
    assert [item.item_id for item in one] == [item.item_id for item in other]


def test_an_item_that_was_just_seen_or_excluded_or_is_sold_out_is_not_recommended(everything):
    *_, recommender = everything
    recommended = recommender.recommend(_views("a5-10", "a5-11"), num_results=100, exclude=["a5-01"])
    assert {"a5-10", "a5-11", "a5-01", "a5-00"}.isdisjoint(one.item_id for one in recommended)
    allowed = np.array([item_id.startswith("a3") for item_id in recommender.catalogue.item_ids])
    recommended = recommender.recommend(_views("a3-01"), num_results=100, allowed=allowed)
    assert len(recommended) == SHELF - 1


def test_unknown_items_and_events_are_passed_over(everything):
    *_, recommender = everything
    expected = recommender.recommend(_views("a1-01"), num_results=5)
    mixed = [*_views("gone", "a1-01"), HistoryEvent(item_id="a1-05", event_name="remove_from_cart")]
    assert [one.item_id for one in recommender.recommend(mixed, num_results=5)[:3]] == [
        one.item_id for one in expected if one.item_id != "a1-05"
    ][:3]


def test_a_stranger_gets_what_is_popular(everything):
    *_, recommender = everything
    recommended = recommender.recommend([], num_results=5)
    assert {one.source for one in recommended} == {"popularity"}
    assert [one.score for one in recommended] == sorted((one.score for one in recommended), reverse=True)


def test_reasons_name_items_of_the_history_and_what_was_done_with_them(everything):
    *_, recommender = everything
    history = [*_views("a2-03"), *_views("a2-04", event_name="add_to_cart")]
    best = recommender.recommend(history, num_results=3, explain=True)
    assert best[0].item_id == "a2-05"
    first = best[0].reasons[0]
    assert (first.code, first.item_ids) == ("because_you_added_to_cart", ("a2-04",))
    for item in best:
        assert all(0 < reason.weight <= 1 + 1e-6 for reason in item.reasons)
        assert {i for reason in item.reasons for i in reason.item_ids} <= {"a2-03", "a2-04"}


def test_similar_items_are_neighbours_first_and_then_of_the_category(everything):
    *_, recommender = everything
    similar = recommender.similar_items("a1-04", num_results=3)
    assert {similar[0].item_id, similar[1].item_id} == {"a1-03", "a1-05"}
    new = recommender.similar_items("a0-new", num_results=4)
    assert {one.source for one in new} == {"category"}
    assert all(one.item_id.startswith("a0") for one in new)
    with pytest.raises(UnknownItemError, match="nothing-like-it"):
        recommender.similar_items("nothing-like-it", num_results=3)


def test_best_sellers_and_trending_leave_out_what_is_not_allowed(everything):
    *_, recommender = everything
    for listed in (recommender.best_sellers, recommender.trending):
        everything_shown = [one.item_id for one in listed(num_results=500)]
        assert "a5-00" not in everything_shown
        assert listed(num_results=3, exclude=everything_shown[:1])[0].item_id == everything_shown[1]


@pytest.mark.parametrize("artefact", ["trained", "cold"])
def test_the_artefact_is_served_without_torch(artefact, request):
    folder = request.getfixturevalue(artefact)[0]
    code = (
        "import sys\nfrom pathlib import Path\nfrom models.recommender.predict import HistoryEvent, Recommender\n"
        "shown = Recommender.load(Path(sys.argv[1])).recommend("
        "[HistoryEvent(item_id='a1-01', event_name='view_item')], num_results=3, explain=True, cold_share=0.4)\n"
        "assert len(shown) == 3\n"
        "heavy = {'torch', 'scipy', 'pandas', 'transformers', 'accelerate', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=REPO_ROOT, timeout=60)


def test_an_item_nobody_touched_is_found_by_what_its_text_and_attributes_say(cold):
    folder, projected, _, _ = cold
    explained = projected.report["explained variance of held-out items"]
    assert set(explained) == {"text", "attributes", "text + attributes"}
    assert max(explained.values()) > 0.3
    recommender = Recommender.load(folder)
    assert recommender.cold_N.sum() == AISLES
    for aisle in range(AISLES):
        history = _views(f"a{aisle}-03", f"a{aisle}-04")
        recommended = recommender.recommend(history, num_results=10, cold_share=0.1)
        (new,) = [one for one in recommended if one.source == "content"]
        assert new.item_id == ("a0-new" if aisle == 0 else f"a{aisle}-cold")
        assert new.reasons[0].item_ids[0].startswith(f"a{aisle}-")
        similar = recommender.similar_items(new.item_id, num_results=5)
        assert sum(one.item_id.startswith(f"a{aisle}-") for one in similar) >= 3
        assert {one.source for one in similar} == {"content"}


def test_a_share_for_new_items_changes_nothing_where_every_item_is_known(shop, tmp_path):
    interactions, items = shop
    warm_items = items.filter(pc.is_in(items["item_id"], interactions["item_id"].combine_chunks()))
    data = Interactions.from_tables(interactions, warm_items)
    views = _fit(data, warm_items, _run(tmp_path), names=("transformer", "item_knn"))
    write_artefact(
        tmp_path,
        candidate="blend",
        weights={"transformer": 0.5, "item_knn": 0.5},
        catalogue=catalogue_table(warm_items, data.item_ids),
        constants=fit_lists(data, TINY.popularity),
        neighbours=views.neighbours,
        sequence=views.transformer.scorer,
    )
    recommender = Recommender.load(tmp_path)
    assert not recommender.cold_N.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recommended = recommender.recommend(_views("a1-01"), num_results=10, cold_share=0.1)
    assert recommended == recommender.recommend(_views("a1-01"), num_results=10, cold_share=0.0)


def test_a_projection_leaves_the_vectors_of_touched_items_alone(cold):
    _, projected, data, sequence = cold
    touched_N = data.distinct_users_per_item() > 0
    assert np.array_equal(projected.vectors_ND[touched_N], sequence.vectors.vectors_ND[touched_N])
    assert (projected.projected_N == ~touched_N).all()


def test_a_new_item_that_has_nothing_but_a_picture_is_placed_by_it(cold, tmp_path):
    _, _, data, sequence = cold
    aisle_N = np.array([int(item_id[1:].split("-")[0]) for item_id in data.item_ids])
    noise = np.random.default_rng(3).normal(0, 0.05, (data.items, AISLES))
    embeddings = pa.table(
        {
            "item_id": pa.array(data.item_ids.tolist()),
            "shows": pa.array((np.eye(AISLES)[aisle_N] + noise).astype(np.float32).tolist()),
            "colours": pa.array([[1.0]] * data.items, pa.list_(pa.float32())),
        }
    )
    nothing = pa.array([None] * data.items, pa.string())
    bare = pa.table({"item_id": embeddings["item_id"], "title": nothing, "category": nothing, "brand": nothing})
    features = cold_features(data, with_pictures(bare, embeddings), _run(tmp_path))
    assert features is not None
    assert list(features) == ["pictures"]
    placed = fit_cold_items(data, features, sequence, _run(tmp_path), choice=ColdChoice(kind="pictures"))
    new = np.flatnonzero(data.distinct_users_per_item() == 0)
    scores = placed.vectors_ND[new] @ placed.vectors_ND.T
    scores[:, new] = -np.inf
    assert (aisle_N[scores.argmax(axis=1)] == aisle_N[new]).mean() >= 0.8


def test_a_shop_whose_items_were_all_touched_reads_no_text(shop, monkeypatch):
    interactions, items = shop
    monkeypatch.setattr("models.recommender.cold.fit.encode_texts", lambda *_, **__: pytest.fail("texts were read"))
    assert cold_features(Interactions.from_tables(interactions), items, _run(Path())) is None


@pytest.mark.parametrize("rows", [0, 10])
def test_a_shop_with_too_little_to_judge_proposes_no_candidate_but_a_baseline_once_anything_happened(
    shop, tmp_path, rows
):
    interactions, items = shop
    evaluation = train(
        interactions.slice(0, rows),
        items,
        config=TINY,
        out_dir=tmp_path,
        seed=5,
        device="cpu",
        precision="fp32",
        report=ignore_progress,
    )
    assert evaluation.candidate == "none"
    assert "50 are needed" in str(evaluation.not_evaluable)
    assert {path.name for path in tmp_path.iterdir()} - {BASELINE_FOLDER} == {"evaluation.json", "card.json"}
    assert (tmp_path / BASELINE_FOLDER).exists() == (rows > 0)
    if rows:
        stands_in = read_evaluation(tmp_path / BASELINE_FOLDER)
        assert (stands_in.candidate, stands_in.is_baseline) == ("popularity_recent", True)
        recommender = Recommender.load(tmp_path / BASELINE_FOLDER)
        assert len(recommender.recommend(_views("a1-01"), num_results=12)) == 12
        assert len(recommender.best_sellers(num_results=12)) == 12


def test_a_killed_run_continues_with_the_losses_of_an_unbroken_one(shop, tmp_path):
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)

    def losses(folder, epochs):
        folder.mkdir(exist_ok=True)
        return _fit(data, items, _run(folder), epochs=epochs).transformer.losses

    unbroken = losses(tmp_path / "unbroken", 3)
    killed = losses(tmp_path / "killed", 1)
    assert losses(tmp_path / "killed", 3) == unbroken
    assert killed == unbroken[:1]


def test_a_checkpoint_of_other_settings_is_not_continued(shop, tmp_path):
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)
    reports: list[Progress] = []
    for rate in (0.003, 0.001):
        config = replace(TINY, transformer=replace(TINY.transformer, learning_rate=rate))
        _fit(data, items, _run(tmp_path, config), epochs=1, report=reports.append)
    assert len(reports) == 2


def test_a_checkpoint_is_continued_where_only_the_settings_of_another_view_changed(shop, tmp_path):
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)
    reports: list[Progress] = []
    for regularisation in (50.0, 20.0):
        config = replace(TINY, ease=replace(TINY.ease, regularisation=regularisation))
        _fit(data, items, _run(tmp_path, config), epochs=1, report=reports.append)
    assert len(reports) == 1, "the second fit had nothing left to train"


UNDROPPED = replace(
    # Dropout masks are drawn per process; without them both computations are the same. Sampled negatives are on.
    TINY,
    transformer=replace(TINY.transformer, dropout=0.0, full_softmax_items=10, negatives=20),
)

TWO_PROCESSES = """
import json, sys
from dataclasses import replace
from pathlib import Path
import pyarrow.parquet as pq
from models.device import new_accelerator
from models.progress import ignore_progress
from models.recommender.config import for_size
from models.recommender.dataset import Interactions
from models.recommender.dataset import item_attributes
from models.recommender.views import Run, fit_views

folder, tiny = Path(sys.argv[1]), for_size("tiny")
config = replace(tiny, transformer=replace(tiny.transformer, dropout=0.0, full_softmax_items=10, negatives=20))
items = pq.read_table(folder / "items.parquet")
data = Interactions.from_tables(pq.read_table(folder / "interactions.parquet"), items)
accelerator = new_accelerator("cpu", "fp32")
assert accelerator.num_processes == 2
run = Run(config=config, seed=5, accelerator=accelerator, checkpoints=folder)
attributes_NA = item_attributes(items, data.item_ids)
trained = fit_views(data, attributes_NA, run, phase="two", epochs=2, report=ignore_progress).transformer
if accelerator.is_main_process:
    (folder / "losses.json").write_text(json.dumps(trained.losses))
"""


def by_torchrun(script, folder):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    subprocess.run([*launch, str(script), str(folder)], check=True, timeout=180)


def by_spark(script, folder):
    """Two tasks of a Spark job, which find each other as they would on two machines."""
    if why_no_spark() is not None:
        pytest.skip(str(why_no_spark()))
    from pyspark.ml.torch.distributor import TorchDistributor

    with spark_session(folder / "spark", cores=2, memory="1g"):
        TorchDistributor(num_processes=2, local_mode=False, use_gpu=False).run(str(script), str(folder))


@pytest.mark.slow
@pytest.mark.parametrize("launch", [by_torchrun, by_spark])
def test_two_processes_with_half_a_batch_each_learn_what_one_learns_with_the_whole(shop, tmp_path, monkeypatch, launch):
    for name, table in zip(("interactions", "items"), shop, strict=True):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    script = tmp_path / "train_part.py"
    script.write_text(TWO_PROCESSES)
    for name, value in {"PYTHONPATH": str(REPO_ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}.items():
        monkeypatch.setenv(name, value)
    launch(script, tmp_path)
    together = json.loads((tmp_path / "losses.json").read_text())
    interactions, items = shop
    data = Interactions.from_tables(interactions, items)
    alone = _fit(data, items, _run(tmp_path, UNDROPPED), phase="one").transformer.losses
    assert together == pytest.approx(alone, rel=1e-4)
    assert alone[1] < alone[0]


@pytest.mark.slow
def test_item_knn_beats_popularity_on_a_real_shop(shared_data):
    raw = pyarrow.csv.read_csv(shared_data / "retailrocket" / "events.csv")
    event_names = {"view": "view_item", "addtocart": "add_to_cart", "transaction": "purchase"}
    interactions = pa.table(
        {
            "user_id": raw["visitorid"].cast(pa.string()),
            "item_id": raw["itemid"].cast(pa.string()),
            "event_name": [event_names[event] for event in raw["event"].to_pylist()],
            "event_timestamp": raw["timestamp"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.timestamp("us", tz="UTC")),
            "nth": pa.array(range(len(raw)), pa.int64()),
        }
    )
    data = Interactions.from_tables(interactions)
    start = data.quantile_time(0.9)
    test_window = window(
        data, start=start, end=np.inf, max_targets_per_user=20, max_targets=8_000, max_users=3_000, seed=0
    )
    none_NA = np.zeros((test_window.train.items, 0), dtype=np.int64)
    run = _run(None, for_size("small"))
    names = ("item_knn", "popularity_recent")
    views = fit_views(test_window.train, none_NA, run, phase="none", epochs=0, names=names, report=ignore_progress)
    scorers = {"popularity": plain_popularity(test_window.train), **views.scorers}
    ranked = rank_cases(scorers, {name: {name: 1.0} for name in scorers}, test_window.cases, lists=False)
    users = np.array([case.user for case in test_window.cases])
    for baseline in ("popularity", "popularity_recent"):
        assert gain(ranked["item_knn"], ranked[baseline], users, seed=0, resamples=500).low > 0
