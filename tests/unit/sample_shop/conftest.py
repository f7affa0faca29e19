"""One small shop for every statistical test of the planted truths."""

import pandas as pd
import pyarrow as pa
import pytest

from shopsight.events import EVENT_NAMES
from shopsight.sample_shop import PlantedTruth, SampleShop, generate


@pytest.fixture(scope="session")
def tiny_shop() -> SampleShop:
    return generate("tiny", seed=11)


@pytest.fixture(scope="session")
def small_shop() -> SampleShop:
    return generate("small", seed=11)


@pytest.fixture(scope="session")
def truth(small_shop: SampleShop) -> PlantedTruth:
    return small_shop.truth


@pytest.fixture(scope="session")
def users(truth: PlantedTruth) -> pd.DataFrame:
    """The truth about every shopper, by user_id."""
    return truth.users.to_pandas().set_index("user_id", drop=False)


@pytest.fixture(scope="session")
def events(small_shop: SampleShop, users: pd.DataFrame) -> pd.DataFrame:
    """What a perfect chain would have left: clean rows in time order, ``who`` being the shopper behind the ids."""
    raw = pa.Table.from_batches(small_shop.event_batches())
    unused = ["campaign_id", "channel", "device", "country", "platform", "source", "list_id", "currency"]
    frame = raw.drop_columns(unused).to_pandas().drop_duplicates(["event_id", "line_number"])
    frame = frame[frame.event_name.isin(EVENT_NAMES)].dropna(subset=["event_timestamp"])
    frame = frame[frame.event_timestamp > pd.Timestamp("2000-01-01", tz="UTC")]
    owner = {device: user for user, devices in zip(users.user_id, users.devices, strict=True) for device in devices}
    frame["who"] = frame.user_id.fillna(frame.anonymous_id.map(owner))
    frame = frame.dropna(subset=["who"])
    frame["price"] = frame.price.astype(float)
    frame[["department", "shelf"]] = frame.category.str.split(" > ", expand=True)
    return frame.sort_values(["who", "event_timestamp", "line_number"], kind="stable")


@pytest.fixture(scope="session")
def people(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """The events of people: no bots."""
    return events[~events.who.isin(users.user_id[users.is_bot])]


@pytest.fixture(scope="session")
def views(people: pd.DataFrame) -> pd.DataFrame:
    return people[(people.event_name == "view_item") & people.item_id.notna()]
