"""A planted change of taste: from a day on, other shelves are wanted, and of each what few wanted before."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shopsight.sample_shop import SIZES, SampleShop, generate
from shopsight.sample_shop.block import draw_block_sessions
from shopsight.sample_shop.journeys import draw_views
from shopsight.sample_shop.sessions import DAY_US, session_scale
from shopsight.sample_shop.taste import successor_items, successor_shelves, with_changed_taste

CHANGE = 40
CONFIG = replace(SIZES["tiny"], passer_by_sessions=0.0, taste_changes_on=CHANGE)


@pytest.fixture(scope="module")
def shop() -> SampleShop:
    return generate(CONFIG, seed=11)


def test_nothing_is_another_before_the_day_of_the_change_and_each_item_its_successor_afterwards(shop) -> None:
    rng = np.random.default_rng(1)
    scale = session_scale(CONFIG, shop.people)
    people, sessions = draw_block_sessions(CONFIG, shop.catalogue, shop.people, scale, 0, rng)
    views = draw_views(shop.catalogue, people, sessions, rng)
    later_sessions, later_views = with_changed_taste(CONFIG, shop.catalogue, sessions, views)
    after_S = sessions.start_S >= CONFIG.starts_at_us + CHANGE * DAY_US
    after_V = after_S[views.session_V]
    assert after_S.any()
    assert not after_S.all()
    assert (later_views.item_V[~after_V] == views.item_V[~after_V]).all()
    looked_at_V = after_V & ~views.chosen_V
    assert (later_views.item_V[looked_at_V] == successor_items(shop.catalogue)[views.item_V[looked_at_V]]).all()
    assert (later_sessions.leaf_S[~after_S] == sessions.leaf_S[~after_S]).all()
    assert (later_sessions.leaf_S[after_S] != sessions.leaf_S[after_S]).all()
    taken = later_views.item_V[after_V & views.chosen_V]
    starts = sessions.start_S[views.session_V[after_V & views.chosen_V]]
    assert not shop.catalogue.is_sold_out(taken, starts).any()


def test_other_items_are_popular_afterwards_and_a_few_draw_as_much_as_before(shop) -> None:
    frame = pa.Table.from_batches(shop.event_batches()).to_pandas()
    frame = frame[(frame.event_name == "view_item") & frame.item_id.isin(shop.catalogue.item_ids)]
    late = frame.event_timestamp >= pd.Timestamp(CONFIG.starts_at_us + CHANGE * DAY_US, unit="us", tz="UTC")
    popular, wanted = (frame[rows].item_id.value_counts(normalize=True) for rows in (~late, late))
    assert wanted.reindex(popular.index[:20]).fillna(0).sum() < 0.3 * popular[:20].sum()
    assert abs(wanted[:20].sum() - popular[:20].sum()) < 0.1


def test_shelves_change_places_and_the_last_of_a_shelf_comes_first(shop) -> None:
    catalogue = shop.catalogue
    shelves, items = successor_shelves(len(catalogue.leaf_start_L) - 1), successor_items(catalogue)
    assert sorted(shelves.tolist()) == list(range(len(shelves)))
    assert (catalogue.leaf_I[items] == shelves[catalogue.leaf_I]).all()
    assert (items[catalogue.leaf_start_L[:-1]] == catalogue.leaf_start_L[1:][shelves] - 1).all()


def test_a_change_outside_the_history_is_refused() -> None:
    with pytest.raises(ValueError, match="a day of the history"):
        replace(CONFIG, taste_changes_on=CONFIG.days)
