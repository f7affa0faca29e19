"""The protocol: what is a target, what the models may see before it."""

import pytest

from models.recommender.dataset import Interactions, UnknownBehaviourError, window

DAY = 86_400.0
ROWS = [
    ("ada", "shoe", "view_item", 1.0),
    ("ada", "sock", "view_item", 2.0),
    ("bob", "sock", "view_item", 3.0),
    ("bob", "shoe", "purchase", 11.0),
    ("ada", "shoe", "purchase", 12.0),
    ("ada", "watch", "view_item", 13.0),
    ("bob", "watch", "view_item", 14.0),
    ("cem", "shoe", "view_item", 15.0),
    ("cem", "sock", "view_item", 16.0),
]


@pytest.fixture
def window_of(interactions_mart):
    def cut(rows=ROWS, *, start=10.0, **cap):
        data = Interactions.from_tables(interactions_mart(rows))
        first = float(data.times_E.min()) - DAY
        cap = {"max_targets_per_user": 20, "max_targets": 1_000, "max_users": 100, "seed": 0} | cap
        return window(data, start=first + start * DAY, end=first + 100 * DAY, **cap)

    return cut


def _named(cases_of):
    names = cases_of.train.item_ids
    return [(str(names[case.target]), [str(names[item]) for item in case.history.items]) for case in cases_of.cases]


def test_only_first_contacts_with_items_known_at_the_cutoff_are_targets(window_of):
    cases_of = window_of()
    assert _named(cases_of) == [("shoe", ["sock"]), ("sock", ["shoe"])]
    assert cases_of.counts["cold"] == 2
    assert cases_of.counts["without_history"] == 1


def test_the_training_part_ends_before_thewindow_of(window_of):
    cases_of = window_of()
    assert len(cases_of.train) == 3
    assert sorted(cases_of.train.item_ids) == ["shoe", "sock"]


def test_items_at_the_very_moment_of_the_target_are_not_part_of_its_history(window_of):
    together = [("ada", "shoe", "view_item", 1.0), ("ada", "sock", "view_item", 2.0), ("bob", "shoe", "view_item", 3.0)]
    rows = [*together, ("cem", "shoe", "view_item", 12.0), ("cem", "sock", "view_item", 12.0)]
    assert window_of(rows).counts == {"measured": 0, "cold": 0, "without_history": 2, "over_the_cap": 0}


def test_seen_items_are_masked_even_when_they_fell_out_of_the_history(window_of):
    rows = [("ada", f"i{place:03d}", "view_item", 1 + place * 0.01) for place in range(80)]
    rows += [("bob", "target", "view_item", 2.0), ("ada", "target", "view_item", 12.0)]
    (case,) = window_of(rows).cases
    assert len(case.history.items) == 50
    assert len(case.seen) == 80
    assert case.target not in case.seen


def test_only_the_last_targets_of_a_user_are_measured(window_of):
    rows = [("ada", "i0", "view_item", 1.0)] + [("bob", f"i{n}", "view_item", 2.0 + n / 10) for n in range(10)]
    rows += [("ada", f"i{n}", "view_item", 12.0 + n) for n in range(1, 10)]
    cases_of = window_of(rows, max_targets_per_user=3)
    assert [target for target, _ in _named(cases_of)] == ["i7", "i8", "i9"]
    assert cases_of.counts["over_the_cap"] == 6


def test_more_users_than_the_cap_are_sampled_with_the_seed(window_of):
    rows = [("all", "x", "view_item", 1.0), ("all", "y", "view_item", 2.0)]
    rows += [(f"u{n:02d}", item, "view_item", day) for n in range(30) for item, day in (("x", 3.0), ("y", 12.0 + n))]
    once, again = window_of(rows, max_users=10), window_of(rows, max_users=10)
    assert len(once.cases) == 10
    assert [case.user for case in once.cases] == [case.user for case in again.cases]
    assert [case.user for case in once.cases] != [case.user for case in window_of(rows, max_users=10, seed=1).cases]
    assert once.counts["over_the_cap"] == 20


def test_the_order_of_rows_in_the_mart_does_not_matter(interactions_mart):
    table = interactions_mart(ROWS)
    backwards = table.take(list(range(len(ROWS)))[::-1])
    one, other = Interactions.from_tables(table), Interactions.from_tables(backwards)
    assert one.items_E.tolist() == other.items_E.tolist()
    assert one.behaviours_E.tolist() == other.behaviours_E.tolist()


def test_an_event_that_the_recommender_does_not_know_is_named(interactions_mart):
    with pytest.raises(UnknownBehaviourError, match="remove_from_cart"):
        Interactions.from_tables(interactions_mart([("ada", "shoe", "remove_from_cart", 1.0)]))
