from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import session_rows
from models.purchase_intent.encoding import FEATURES, FeatureEncoder
from models.purchase_intent.folds import shuffle_by_session, split_by_time, why_too_small
from models.tabular.errors import BadTrainingTableError

CONFIG = PurchaseIntentConfig(gap_minutes=60)


def test_whole_sessions_fall_into_folds_in_order_of_time(shop_table: pa.Table) -> None:
    folds = list(split_by_time(session_rows(shop_table), CONFIG).named().values())
    seen = [set(fold.sessions.tolist()) for fold in folds]
    assert not set.intersection(seen[0], seen[1] | seen[2] | seen[3])
    for earlier, later in pairwise(folds):
        assert earlier.times.max() + np.timedelta64(60, "m") < later.started_at.min()
    assert len(seen[3]) == pytest.approx(0.2 * 1500, abs=1)


def test_a_wider_gap_leaves_more_sessions_out(shop_table: pa.Table) -> None:
    rows = session_rows(shop_table)
    day = split_by_time(rows, PurchaseIntentConfig(gap_minutes=24 * 60))
    hour = split_by_time(rows, CONFIG)
    # A session starts every half hour: an hour's gap costs two or three, a day's 48 of each of the earlier folds.
    assert hour.train.session_count - day.train.session_count in (46, 47)
    assert hour.test.session_count == day.test.session_count


def test_the_order_of_the_tables_rows_changes_nothing(shop_table: pa.Table) -> None:
    shuffled = shop_table.take(pa.array(np.random.default_rng(1).permutation(shop_table.num_rows)))
    one, other = (split_by_time(session_rows(table), CONFIG).test for table in (shop_table, shuffled))
    assert one.weights.sum() == pytest.approx(other.weights.sum())
    assert sorted(one.times.tolist()) == sorted(other.times.tolist())


def test_every_session_weighs_the_same(shop_table: pa.Table) -> None:
    rows = session_rows(shop_table)
    assert np.bincount(rows.sessions, weights=rows.weights) == pytest.approx(np.ones(1500))


def test_shuffled_labels_move_whole_sessions_and_keep_their_number(shop_table: pa.Table) -> None:
    rows = session_rows(shop_table)
    shuffled = shuffle_by_session(rows, seed=1)
    buying = {session for session, bought in zip(rows.sessions, shuffled, strict=True) if bought}
    assert len(buying) == rows.buying_session_count
    assert not any(session in buying for session in rows.sessions[~shuffled])
    assert (shuffled != rows.purchased).any()


def test_a_fold_without_enough_purchases_is_named(shop_table: pa.Table) -> None:
    rows = session_rows(shop_table)
    folds = split_by_time(rows, CONFIG)
    assert why_too_small(folds, CONFIG) is None
    reason = why_too_small(folds, PurchaseIntentConfig(min_sessions=200))
    assert reason == f"the calibration fold has {folds.calibration.session_count} sessions of the 200 it needs"
    reason = why_too_small(folds, PurchaseIntentConfig(min_purchases=100))
    assert reason is not None
    assert "sessions in the validation fold" in reason


def test_a_missing_column_is_named(shop_table: pa.Table) -> None:
    with pytest.raises(BadTrainingTableError, match="lacks purchased, orders_total"):
        session_rows(shop_table.drop_columns(["orders_total", "purchased"]))


def test_a_row_without_its_session_is_refused(shop_table: pa.Table) -> None:
    ids = pc.if_else(pc.equal(shop_table["position"], 1), None, shop_table["session_id"])
    place = shop_table.column_names.index("session_id")
    with pytest.raises(BadTrainingTableError, match="rows of the purchase intent training table have no session_id"):
        session_rows(shop_table.set_column(place, "session_id", ids))


def test_only_frequent_categories_are_kept_and_the_rest_are_missing() -> None:
    values = np.array(["a", "b", "b", None, "c", "c", "c"], dtype=object)
    encoder = FeatureEncoder.fit({"favourite_category": values}, names=["favourite_category"], max_categories=2)
    assert encoder.categories == {"favourite_category": {"c": 0, "b": 1}}
    encoded = encoder.matrix({"favourite_category": values})[:, 0]
    assert encoded.tolist()[4:] == [0.0, 0.0, 0.0]
    assert np.isnan(encoded[[0, 3]]).all()


def test_rows_and_columns_are_encoded_alike(shop_table: pa.Table) -> None:
    rows = session_rows(shop_table)
    encoder = FeatureEncoder.fit(rows.columns, names=FEATURES, max_categories=2)
    by_row = encoder.rows(shop_table.select(FEATURES).to_pylist())
    np.testing.assert_array_equal(by_row, encoder.matrix(rows.columns))
