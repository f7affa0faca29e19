"""What the services tell apart about an online store: nobody known, nobody known any more, away, and old."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.features import FeatureReader, OnlineStoreGoneError, age_of
from shopsight.feature_store import WrittenState
from shopsight.privacy import Pseudonymiser

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SERVICE = "recommender_v1"


@pytest.fixture
def reader(online: Any, pseudonymiser: Pseudonymiser) -> FeatureReader:
    state = WrittenState(data_end=NOON, shoppers={"user_history": [pseudonymiser.user("maya")]})
    return FeatureReader(
        lambda: online, pseudonymiser, written=lambda: state, seconds_now=iter(range(0, 9000, 60)).__next__
    )


def test_a_shopper_who_is_unknown_to_a_full_store_is_unknown(reader: FeatureReader) -> None:
    assert reader.user("nobody", SERVICE).known is False
    assert reader.failure is None


def test_an_emptied_store_is_no_store_of_unknown_shoppers(reader: FeatureReader, online: Any) -> None:
    assert reader.user("maya", SERVICE).known is True
    full, online.features = online.features, {}
    with pytest.raises(OnlineStoreGoneError, match="knows none of the shoppers"):
        reader.user("nobody", SERVICE)
    assert reader.failure is not None
    online.features = full
    assert reader.user("maya", SERVICE).known is True
    assert reader.failure is None


def test_an_emptied_store_is_noticed_before_anybody_asks(reader: FeatureReader, online: Any) -> None:
    reader.look(SERVICE)
    assert reader.failure is None
    online.features = {}
    reader.look(SERVICE)
    assert "knows none of the shoppers" in str(reader.failure)


def test_data_that_ended_days_ago_are_noted_with_their_age() -> None:
    assert age_of(None, now=NOON) == []
    assert age_of(NOON, now=NOON + timedelta(days=1)) == []
    assert age_of(NOON, now=NOON + timedelta(days=23)) == [
        "online features: the data end 23 days ago, at 2026-01-05T12:00:00Z"
    ]


@pytest.mark.parametrize("end", [NOON, None])
def test_what_was_written_reads_back(tmp_path: Path, end: datetime | None) -> None:
    assert WrittenState.read(tmp_path) is None
    state = WrittenState(data_end=end, shoppers={"user_history": ["u_1", "u_2"], "user_features": ["u_2"]})
    state.write(tmp_path)
    assert WrittenState.read(tmp_path) == state
    assert state.user_keys == ["u_1", "u_2"]
