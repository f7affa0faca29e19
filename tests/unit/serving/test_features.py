"""What the services tell apart about an online store: nobody known, nobody known any more, away, and old."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.features import RETRY_SECONDS, FeatureReader, OnlineStoreGoneError, age_of
from shopsight.feature_store import OnlineStoreUnavailableError, WrittenState
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


def test_a_read_that_fails_after_the_store_was_opened_anew_is_made_there(
    pseudonymiser: Pseudonymiser, online: Any
) -> None:
    """A slow thread's failure is of a file that is gone by then: it must not take the whole one from everybody."""
    seconds = 0.0
    stores: list[Any] = []

    class Gone:
        """Fails; the first read does so after another thread has let go of it and come to a whole store."""

        def __init__(self) -> None:
            self.reads = 0

        def written_otherwise(self, _: str) -> list[str]:
            return []

        def read_dated(self, *_: Any, **__: Any) -> None:
            nonlocal seconds
            self.reads += 1
            if self.reads == 1:
                with pytest.raises(OnlineStoreGoneError, match="is gone"):
                    shared.user("maya", SERVICE)
                seconds += RETRY_SECONDS
                assert shared.user("maya", SERVICE).known is True
            raise OnlineStoreUnavailableError("The file is gone.", why="deleted", fix="put it back")

    def open_store() -> Any:
        stores.append(online if stores else Gone())
        return stores[-1]

    shared = FeatureReader(open_store, pseudonymiser, seconds_now=lambda: seconds)
    assert shared.user("maya", SERVICE).known is True
    assert shared.failure is None
    assert len(stores) == 2


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
