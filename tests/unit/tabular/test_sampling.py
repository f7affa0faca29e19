"""Of a training set that is too large, whole sessions are drawn, the same ones for the same seed."""

import numpy as np
import pyarrow as pa

from models.tabular.sampling import whole_groups
from shopsight.families import FAMILIES


def sessions(rows: int) -> pa.Table:
    ids = [f"s{number}" for number in np.random.default_rng(3).integers(0, rows // 9, rows)]
    halves = pa.chunked_array([pa.array(ids[: rows // 3]), pa.array(ids[rows // 3 :])])
    return pa.table({"session_id": halves, "row": np.arange(rows)})


def test_a_table_within_the_limit_stays_as_it_is() -> None:
    rows = sessions(900)
    assert whole_groups(rows, by="session_id", max_rows=900, seed=7) is rows


def test_of_a_larger_one_whole_sessions_are_kept_in_their_order_up_to_the_limit() -> None:
    rows = sessions(9_000)
    kept = whole_groups(rows, by="session_id", max_rows=3_000, seed=7)
    assert 2_900 < kept.num_rows <= 3_000
    assert kept["row"].to_pylist() == sorted(kept["row"].to_pylist())
    ids = set(kept["session_id"].to_pylist())
    assert kept.num_rows == sum(one in ids for one in rows["session_id"].to_pylist())


def test_the_seed_decides_which() -> None:
    rows = sessions(9_000)
    first, again, other = (whole_groups(rows, by="session_id", max_rows=3_000, seed=seed) for seed in (7, 7, 8))
    assert first.equals(again)
    assert not first.equals(other)


def test_sessions_of_any_time_are_drawn_alike() -> None:
    rows = sessions(90_000)
    kept = whole_groups(rows, by="session_id", max_rows=30_000, seed=7)
    assert abs(np.mean(kept["row"].to_numpy()) - 45_000) < 1_000


def test_a_sample_of_purchase_intent_has_each_shoppers_first_row_or_none_of_theirs() -> None:
    """The sentinel of newcomers reads a shopper's first row: it has to be the first that there is."""
    training = FAMILIES["purchase_intent"].training
    assert training is not None
    assert training.sampled_by is not None
    rng = np.random.default_rng(5)
    users = rng.integers(0, 900, 9_000)
    table = pa.table(
        {
            "user_id": [f"u{user}" for user in users],
            "session_id": [f"s{user}-{visit}" for user, visit in zip(users, rng.integers(0, 5, 9_000), strict=True)],
            "row": np.arange(9_000),
        }
    )
    firsts = dict(zip(reversed(users.tolist()), reversed(range(9_000)), strict=True))

    kept = whole_groups(table, by=training.sampled_by, max_rows=3_000, seed=7)

    first_kept: dict[str, int] = {}
    for row in kept.select(["user_id", "row"]).to_pylist():
        first_kept.setdefault(row["user_id"], row["row"])
    assert 2_900 < kept.num_rows <= 3_000
    assert all(firsts[int(user[1:])] == row for user, row in first_kept.items())


def test_a_family_that_names_a_limit_names_what_stays_whole() -> None:
    for family in FAMILIES.values():
        if family.training:
            assert (family.training.max_rows is None) == (family.training.sampled_by is None)
