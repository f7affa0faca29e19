"""Groups: as many as are stable, the same people in two halves, and identities that outlive a refresh."""

from dataclasses import replace

import numpy as np
import pytest
from asked_shop import asked_shop

from models.asking.rows import log_span
from models.grouping.groups import Grouping, adjusted_rand_index, fit_groups, match, migration
from models.grouping.report import groups_of_day
from models.grouping.segments import Segment, count_segments, read_segments
from models.grouping.traits import TRAITS
from shopsight.errors import ShopsightError


def planted(seed: int, shoppers: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Return traits of three kinds of shoppers that lie far apart, and which kind each is."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, shoppers)
    centres = np.zeros((3, len(TRAITS)))
    centres[0, 0], centres[1, 1], centres[2, 4] = 6.0, 6.0, 6.0
    return centres[kinds] + rng.normal(size=(shoppers, len(TRAITS))), kinds


def test_planted_groups_are_recovered_and_their_number_is_the_stable_one() -> None:
    traits, kinds = planted(1)

    grouping = fit_groups(traits, seed=1)

    assert len(grouping.ids) == 3
    assert adjusted_rand_index(grouping.assign(traits), kinds) > 0.9
    assert grouping.half_index > 0.9


def test_a_group_is_named_by_what_it_does_more_than_others() -> None:
    traits, kinds = planted(2)
    grouping = fit_groups(traits, seed=1)
    silent = grouping.assign(traits)[kinds == 1][0]

    assert "have been away for long" in grouping.names()[silent]
    assert "久未来访" in grouping.names("zh")[silent]


def test_identities_outlive_a_refresh() -> None:
    traits, _ = planted(3)
    earlier = replace(fit_groups(traits, seed=1), ids=(7, 8, 9))

    again = fit_groups(planted(4)[0], seed=5, previous=Grouping.of_json(earlier.as_json()))

    assert set(again.ids) == {7, 8, 9}
    assert (np.array(earlier.ids)[earlier.assign(traits)] == np.array(again.ids)[again.assign(traits)]).mean() > 0.95


def test_a_group_that_no_earlier_one_resembles_has_a_new_number() -> None:
    traits, _ = planted(3)
    earlier = fit_groups(traits, seed=1)
    one_group = replace(earlier, centres=earlier.centres[:1] * 0, ids=(4,))

    assert sorted(match(earlier, one_group, traits).ids)[:1] == [4]
    assert max(match(earlier, one_group, traits).ids) > 4


def test_migration_says_where_each_group_went() -> None:
    assert migration(np.array([0, 0, 1]), np.array([0, 1, 1]), 2) == [[0.5, 0.5], [0.0, 1.0]]


def test_too_few_shoppers_have_no_groups() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit_groups(np.zeros((20, len(TRAITS))), seed=1)


def test_the_groups_of_a_day_hold_every_shopper_once() -> None:
    shop = asked_shop(shoppers=700)

    day = groups_of_day(shop, log_span(shop)[1], seed=1)

    assert day.table.num_rows == day.document["shoppers"] == sum(group["shoppers"] for group in day.document["groups"])
    assert len(set(day.table["user_id"].to_pylist())) == day.table.num_rows
    assert abs(sum(group["revenue_28d_share"] for group in day.document["groups"]) - 1) < 0.01


def test_segments_are_counted_in_the_words_of_questions() -> None:
    rows = {"segments": [{"name": "often", "who": "customers who have ordered twice", "strategy": "thank"}]}
    segments, strategies = read_segments(rows | {"groups": {1: "write"}}, file="segments.yml")

    (often,) = count_segments(asked_shop(), segments)

    assert strategies == {1: "write"}
    assert 0 < often["shoppers"] < 300
    assert often["strategy"] == "thank"


@pytest.mark.parametrize(
    "document",
    [
        [1],
        {"segment": []},
        {"segments": [{"name": "a"}]},
        {"groups": {"one": "x"}},
        {"segments": [{"name": "a", "who": "x"}, {"name": "a", "who": "y"}]},
    ],
)
def test_a_wrong_file_is_refused(document: object) -> None:
    with pytest.raises(ShopsightError):
        read_segments(document, file="segments.yml")


def test_a_segment_of_the_future_is_refused() -> None:
    segment = Segment(name="soon", who="shoppers who will order within 3 days", strategy="")

    with pytest.raises(ShopsightError):
        count_segments(asked_shop(), [segment])
