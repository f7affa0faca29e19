"""The recommendation benchmark, from a file to its JSON, on a shop of sixty users."""

import json

import numpy as np
import pytest

from benchmarks.recommendation.__main__ import main
from benchmarks.recommendation.event_log import UnreadableEventsError
from benchmarks.recommendation.held_out import imitate, read_held_out

USERS, ITEMS = 60, 30


def _lines(last=None):
    """Nine steps in ten go to the next item; ``last`` replaces every user's last item."""
    rng = np.random.default_rng(2)
    lines = []
    for user in range(USERS):
        item, items = int(rng.integers(ITEMS)), []
        for _ in range(int(rng.integers(5, 12))):
            items.append(item)
            item = (item + 1 if rng.random() < 0.9 else int(rng.integers(ITEMS))) % ITEMS
        items = list(dict.fromkeys(items))
        if last is not None:
            items[-1] = last(user)
        lines.append(" ".join(map(str, [user, *items])))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def measured(text, *options):
        folder = tmp_path_factory.mktemp("benchmark")
        (folder / "shop.txt").write_text(text)
        (folder / "attributes.json").write_text(json.dumps({str(item): [item // 5] for item in range(ITEMS)}))
        files = ["--interactions", folder / "shop.txt", "--attributes", folder / "attributes.json"]
        output = folder / "figures.json"
        settings = ["--size", "tiny", "--device", "cpu", "--precision", "fp32", "--json", output]
        main([str(one) for one in (*files, *settings, *options)])
        return json.loads(output.read_text())

    return measured


@pytest.fixture(scope="module")
def figures(run):
    return run(_lines(), "--seeds", "1,2")


def test_every_promised_figure_is_there(figures):
    assert set(figures["per_seed"]) == {"1", "2"}
    for name in (f"{metric}@{k}" for metric in ("ndcg", "recall", "mrr") for k in (5, 10, 20)):
        assert figures[name] == pytest.approx(np.mean([one[name] for one in figures["per_seed"].values()]), abs=1e-5)
        low, high = figures["intervals"][name]
        assert low <= figures[name] <= high
    views = {"transformer", "ease", "item_knn", "popularity_recent"}
    assert views | {"popularity", "last_viewed", "als", "gru4rec"} == set(figures["baselines"])
    assert min(figures[name] for name in ("train_seconds", "parameters", "peak_memory_mb")) > 0
    assert 0 < figures["coverage@10"] <= 1
    assert 0 <= figures["gini@10"] < 1
    assert figures["cases"] == USERS
    assert "order of the file" in figures["order"]


def test_a_shop_with_a_sequence_is_learnt(figures):
    assert figures["gains"]["popularity"]["low"] > 0
    for groups in figures["groups"].values():
        values = [value for name, value in groups.items() if name != "gap"]
        assert groups["gap"] == pytest.approx(max(values) - min(values), abs=1e-5)


def test_nothing_is_chosen_on_the_test_targets(run, figures):
    """With other test targets the training, the epochs and the weights stay what they were; only the figures move."""
    moved = run(_lines(last=lambda user: (7 * user) % ITEMS), "--seeds", "1")
    one, other = figures["per_seed"]["1"], moved["per_seed"]["1"]
    for name in ("weights", "epochs", "losses", "validation_by_epoch", "validation_ndcg@10", "parameters"):
        assert one[name] == other[name]
    assert one["ndcg@10"] != other["ndcg@10"]


def test_a_file_that_cannot_be_read_ends_the_run_with_its_reason(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(SystemExit, match="holds no user"):
        main(["--interactions", str(tmp_path / "empty.txt")])


def test_help_names_the_protocol(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "Leave-one-out" in capsys.readouterr().out


@pytest.mark.slow
def test_the_speed_of_training_stands_beside_its_floor(run):
    figures = run(_lines(), "--speed")
    for threads in ("1 thread", "2 threads"):
        speed = figures[threads]
        assert speed["floor_over_loop"] == pytest.approx(
            speed["floor_sequences_per_second"] / speed["sequences_per_second"], rel=0.05
        )
    assert figures["histories"] == USERS


def test_the_ablation_names_what_every_view_adds(figures):
    chosen = [set(one["weights"]) for one in figures["per_seed"].values()]
    for view in set.intersection(*chosen) if min(map(len, chosen)) > 1 else ():
        entry = figures["ablation"][f"without {view}"]
        expected = figures["ndcg@10"] - entry["ndcg@10"]
        assert entry["candidate_gains"]["value"] == pytest.approx(expected, abs=2e-5)


@pytest.fixture(scope="module")
def held_out_run(tmp_path_factory):
    """Forty visitors view, put into the cart and buy along an aisle; one purchase of each is held out."""
    folder = tmp_path_factory.mktemp("held_out")
    rng = np.random.default_rng(6)
    log, held_out = ["timestamp,visitorid,event,itemid,transactionid"], ["visitorid,itemid"]
    for visitor in range(40):
        first = int(rng.integers(20))
        for step in range(6):
            item, moment = (first + step) % 20, 1_430_000_000_000 + visitor * 1_000_000 + step * 1_000
            events = ("view", "addtocart", "transaction") if step % 2 == 0 else ("view",)
            log += [f"{moment + place},{visitor},{event},{item}," for place, event in enumerate(events)]
        held_out.append(f"{visitor},{(first + 6) % 20 if visitor else 999}")
    (folder / "events.csv").write_text("\n".join(log) + "\n")
    (folder / "held_out.csv").write_text("\n".join(held_out) + "\n")
    output = folder / "figures.json"
    files = ["--interactions", folder / "events.csv", "--held-out", folder / "held_out.csv", "--json", output]
    settings = ["--protocol", "held_out", "--size", "tiny", "--device", "cpu", "--precision", "fp32", "--seeds", "1"]
    main([str(one) for one in (*settings, *files)])
    return folder, json.loads(output.read_text())


def test_held_out_purchases_are_ranked_beside_a_model_of_purchases_alone(held_out_run):
    _, figures = held_out_run
    assert figures["cases"] == 40
    assert figures["cold_targets"] == 1
    assert figures["gains"]["popularity"]["low"] > 0
    assert {"low", "value", "high"} == set(figures["gains"]["purchases only"])


def test_the_imitation_takes_every_row_of_the_drawn_purchase_out_of_the_log(held_out_run):
    folder, _ = held_out_run
    source = read_held_out(folder / "events.csv", folder / "held_out.csv")
    train, cases = imitate(source.data, seed=3)
    assert len(cases) == 40
    left = set(zip(train.users_E.tolist(), train.items_E.tolist(), strict=True))
    for case in cases:
        assert (case.user, case.target) not in left
        assert case.target not in case.history.items
    assert len(train) == len(source.data) - 40 * 3


def test_a_log_in_other_columns_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user,item\n1,2\n")
    with pytest.raises(UnreadableEventsError, match="no column"):
        read_held_out(tmp_path / "events.csv", tmp_path / "events.csv")


def test_sessions_are_split_by_time_and_judged_beside_session_knn(held_out_run, tmp_path):
    folder, _ = held_out_run
    settings = ["--protocol", "session", "--size", "tiny", "--device", "cpu", "--precision", "fp32", "--seeds", "1"]
    output = tmp_path / "figures.json"
    main([*settings, "--interactions", str(folder / "events.csv"), "--json", str(output)])
    figures = json.loads(output.read_text())
    assert figures["cases"] > 10
    assert figures["baselines"]["session_knn"]["recall@20"] > figures["baselines"]["popularity"]["mrr@20"]
    assert {"recall@20", "mrr@20"} <= set(figures)


def test_the_time_protocol_is_the_training_run_of_the_platform(held_out_run, tmp_path):
    folder, _ = held_out_run
    settings = ["--protocol", "time", "--size", "tiny", "--device", "cpu", "--precision", "fp32", "--seeds", "1"]
    output = tmp_path / "figures.json"
    main([*settings, "--interactions", str(folder / "events.csv"), "--json", str(output)])
    figures = json.loads(output.read_text())
    assert "50 are needed" in figures["per_seed"]["1"]["not_evaluable"]
