"""The cold start, from a file to its JSON: what is held out, and that what is said of items finds them."""

import json

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.cold_start.__main__ import main
from benchmarks.cold_start.contenders import Content, Newer, SameAttributes
from benchmarks.cold_start.split import cold_split
from benchmarks.recommendation.split import as_interactions
from models.catalogue import Catalogue
from models.recommender.history import History

AISLES, SHELF, SHOPPERS = 12, 20, 500


@pytest.fixture(scope="module")
def sequences():
    """Every shopper stays in an aisle."""
    rng = np.random.default_rng(8)
    lines = []
    for _ in range(SHOPPERS):
        aisle = int(rng.integers(AISLES))
        places = rng.integers(SHELF, size=int(rng.integers(6, 12)))
        items = dict.fromkeys(f"{aisle}-{int(place):02d}" for place in places)
        lines.append(list(items))
    return lines


@pytest.fixture(scope="module")
def split(sequences):
    return cold_split(as_interactions(sequences), seed=2)


def test_what_is_held_out_is_in_no_row_of_the_training(split):
    assert split.cold_N.sum() == round(AISLES * SHELF / 10)
    assert not split.cold_N[split.train.items_E].any()
    learnt = set(split.train.users_E.tolist())
    cold_users = {case.user for cases in split.user_cases.values() for case in cases}
    assert cold_users
    assert not learnt & cold_users


def test_a_target_and_what_came_after_it_is_in_no_row_of_the_training(split):
    asked = split.item_cases + split.validation
    pairs = set(zip(split.train.users_E.tolist(), split.train.items_E.tolist(), strict=True))
    assert all((case.user, case.target) not in pairs for case in asked)
    assert {bool(split.cold_N[case.target]) for case in split.item_cases} == {True}
    assert {bool(split.cold_N[case.target]) for case in split.validation} == {False}
    assert not {case.user for case in split.item_cases} & {case.user for case in split.validation}


def test_a_history_holds_what_came_before_and_nothing_cold(split, sequences):
    data = as_interactions(sequences)
    for case in [*split.item_cases, *split.user_cases[3]]:
        assert not split.cold_N[case.history.items].any()
        past = [str(data.item_ids[item]) for item in case.history.items]
        line = sequences[case.user]
        before = line[: line.index(str(data.item_ids[case.target]))]
        assert past == [item for item in before if not split.cold_N[list(data.item_ids).index(item)]]


def test_another_seed_holds_other_items_out(sequences):
    data = as_interactions(sequences)
    one, again, other = (cold_split(data, seed=seed).cold_N for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_baselines_know_the_last_item_and_the_whole_history():
    attributes_NA = np.array([[1, 3], [1, 4], [2, 3], [2, 4], [1, 3]])
    train = as_interactions([["0", "1"], ["1", "2"], ["1", "3"]])
    same = SameAttributes.of(train, attributes_NA[:4])
    scores = same.scores([History(np.array([2, 0]), np.array([1, 1]))])[0]
    assert scores.argmax() == 0, "two attributes of the last item, which comes last in the history"
    assert scores[1] > scores[2], "one attribute each; more shoppers touched item 1"
    content = Content(features_NF=np.eye(5, dtype=np.float32))
    assert content.scores([History(np.array([2, 0]), np.array([1, 1]))])[0].tolist() == pytest.approx([1, 0, 0.7, 0, 0])


def test_an_item_newer_than_the_model_is_ranked_as_those_are_that_its_words_are_like():
    titles = ["red lamp", "blue lamp", "green lamp", "red shoe", "blue shoe", "green shoe"]
    ids = [f"i{place}" for place in range(6)]
    catalogue = Catalogue.of(
        pa.table(
            {"item_id": ids, "title": titles, "category": ["lamps"] * 3 + ["shoes"] * 3, "brand": ["Acme"] * 6,
             "price": [1.0] * 6, "is_available": [True] * 6}
        )
    )  # fmt: skip
    kinds = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    cold_N = np.array([False, False, True, False, False, True])
    newer = Newer.of(catalogue, cold_N, {"content": Content(features_NF=kinds)}, {"content": 1.0})
    of_lamp, of_shoe = newer.scores([History(np.array([0]), np.array([1])), History(np.array([3]), np.array([1]))])
    assert of_lamp[2] > of_lamp[5]
    assert of_shoe[5] > of_shoe[2]


@pytest.fixture(scope="module")
def figures(sequences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cold_start")
    (folder / "shop.txt").write_text("\n".join(f"u{n} " + " ".join(items) for n, items in enumerate(sequences)) + "\n")
    attributes = {f"{a}-{place:02d}": [a, 100 + place % 3] for a in range(AISLES) for place in range(SHELF)}
    (folder / "attributes.json").write_text(json.dumps(attributes))
    files = ["--interactions", folder / "shop.txt", "--attributes", folder / "attributes.json"]
    settings = ["--size", "tiny", "--seeds", "1,2", "--device", "cpu", "--precision", "fp32"]
    main([str(one) for one in (*files, *settings, "--json", folder / "figures.json")])
    return json.loads((folder / "figures.json").read_text())


def test_attributes_find_items_that_nobody_touched(figures):
    cold = figures["cold_items"]
    assert cold["served"] == "projected and alike"
    assert cold["gains"]["random order"]["low"] > 0
    assert cold["contenders"]["projected and alike"]["recall@10"]["value"] > 0.8, "an aisle has two or three cold items"
    for of in cold["contenders"].values():
        assert of["ndcg@10"]["low"] <= of["ndcg@10"]["value"] <= of["ndcg@10"]["high"]


def test_a_session_tells_more_than_best_sellers(figures):
    assert set(figures["cold_users"]) == {"after 1 item", "after 3 items"}
    for asked in figures["cold_users"].values():
        assert asked["gains"]["best sellers"]["low"] > 0
        assert asked["cases"] >= asked["shoppers"] > 50


def test_every_seed_says_what_was_projected_from_what(figures):
    for report in figures["per_seed"].values():
        assert report["projection"]["projected items"] == {"attributes": report["cold items"]}
        assert 0 < report["projection"]["explained variance of held-out items"]["attributes"] < 1


def test_a_file_without_attributes_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--interactions", "shop.txt"])
    assert "go together" in capsys.readouterr().err


@pytest.mark.slow
def test_the_sample_shop_has_texts_that_find_its_items(tmp_path):
    from benchmarks.cold_start.measuring import NEWER

    main(["--size", "tiny", "--seeds", "1", "--device", "cpu", "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["cold_items"]["gains"]["random order"]["low"] > 0
    ranked = figures["cold_items"]["contenders"]
    assert ranked[NEWER]["ndcg@10"]["low"] > ranked["random order"]["ndcg@10"]["high"]
    assert "text" in figures["per_seed"]["1"]["projection"]["explained variance of held-out items"]
