"""What comes next: item-level order that a sequence model can learn, and the hero's trail."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable

import pandas as pd
import pytest

from shopsight.sample_shop import HERO, PlantedTruth, SampleShop


@pytest.fixture(scope="module")
def histories(people: pd.DataFrame) -> dict[str, list[str]]:
    """Each shopper's items in order, immediate repeats left out."""
    items = people[people.event_name.isin(["view_item", "add_to_wishlist", "add_to_cart", "purchase"])].dropna(
        subset=["item_id"]
    )
    changed = items[items.item_id != items.groupby("who").item_id.shift()]
    return {str(who): items for who, items in changed.groupby("who").item_id.agg(list).items()}


def _hit_rate(histories: dict[str, list[str]], recommend: Callable[[list[str]], list[str]]) -> float:
    """Return the share of shoppers whose last new item is among ten, the items seen before being masked."""
    hits = tried = 0
    for history in histories.values():
        last = next((at for at in range(len(history) - 1, 0, -1) if history[at] not in history[:at]), None)
        if last is not None:
            seen = set(history[:last])
            best = [item for item in recommend(history[:last]) if item not in seen][:10]
            hits, tried = hits + (history[last] in best), tried + 1
    return hits / tried


def _split(histories: dict[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    names = sorted(histories)
    return {name: histories[name] for name in names[::2]}, {name: histories[name] for name in names[1::2]}


def test_order_beats_co_occurrence_and_co_occurrence_beats_popularity(histories: dict[str, list[str]]) -> None:
    learn, judge = _split(histories)
    popular = [item for item, _ in Counter(item for history in learn.values() for item in history).most_common()]
    follows: dict[str, Counter[str]] = defaultdict(Counter)
    together: dict[str, Counter[str]] = defaultdict(Counter)
    for history in learn.values():
        for before, after in itertools.pairwise(history):
            follows[before][after] += 1
        basket = list(dict.fromkeys(history[-60:]))
        for item in basket:
            together[item].update(basket)

    def by(counts: dict[str, Counter[str]]) -> Callable[[list[str]], list[str]]:
        return lambda history: [item for item, _ in counts[history[-1]].most_common(40)] + popular

    popularity = _hit_rate(judge, lambda _: popular)
    neighbours = _hit_rate(judge, by(together))
    order = _hit_rate(judge, by(follows))
    assert popularity < 0.15
    assert neighbours > 2 * popularity
    assert order > 4 * popularity
    assert order > neighbours + 0.05


def test_an_item_leads_to_the_next_item_of_the_truth(histories: dict[str, list[str]], truth: PlantedTruth) -> None:
    first = {
        item: nexts[0]
        for item, nexts in zip(truth.items["item_id"].to_pylist(), truth.items["next_items"].to_pylist(), strict=True)
    }
    pairs = [(a, b) for history in histories.values() for a, b in itertools.pairwise(history)]
    forward = sum(first[a] == b for a, b in pairs) / len(pairs)
    backward = sum(first[b] == a for a, b in pairs) / len(pairs)
    assert forward > 0.15, "against 0.001 by chance"
    assert forward > 3 * backward


@pytest.mark.parametrize(
    ("bought", "complement"),
    [
        ("Smartphones", "Phone Cases"),
        ("Phone Cases", "Screen Protectors"),
        ("Tents", "Sleeping Bags"),
        ("Running Shoes", "Running Socks"),
    ],
)
def test_after_an_order_the_next_visit_starts_at_its_complement(
    people: pd.DataFrame, bought: str, complement: str
) -> None:
    seen = people[people.event_name.isin(["view_item", "purchase"]) & people.item_id.notna()]
    orders = seen[(seen.event_name == "purchase") & (seen.line_number == 0)]
    views = seen[seen.event_name == "view_item"]
    after = pd.merge_asof(
        orders.sort_values("event_timestamp")[["event_timestamp", "who", "shelf"]],
        views.sort_values("event_timestamp")[["event_timestamp", "who", "shelf"]],
        on="event_timestamp",
        by="who",
        direction="forward",
        suffixes=("", "_next"),
    ).dropna()
    share = (after[after.shelf == bought].shelf_next == complement).mean()
    base = (views.shelf == complement).mean()
    assert share > 0.25
    assert share > 4 * base


def test_orders_of_several_lines_hold_complements(people: pd.DataFrame) -> None:
    lines = people[people.event_name == "purchase"]
    second = lines[lines.line_number == 1].set_index("order_id").shelf
    first = lines[lines.line_number == 0].set_index("order_id").shelf.reindex(second.index)
    assert len(second) > 200
    assert (first != second).mean() > 0.95


def test_the_heros_history_walks_the_trail_and_stops_before_its_end(events: pd.DataFrame, truth: PlantedTruth) -> None:
    hers = events[(events.who == HERO) & events.item_id.notna()]
    walked = list(dict.fromkeys(hers.item_id))
    assert tuple(walked) == truth.trail[:5]
    assert truth.hero_expected == truth.trail[5:]
    bought = hers[hers.event_name == "purchase"].item_id.tolist()
    assert bought == list(truth.trail[:4]), "she has not bought the trail shoes yet"


def test_others_walked_the_heros_trail_before_her(histories: dict[str, list[str]], truth: PlantedTruth) -> None:
    others = [history for who, history in histories.items() if who != HERO]
    here, there = truth.trail[4], truth.trail[5]
    nexts = Counter(b for history in others for a, b in itertools.pairwise(history) if a == here)
    assert nexts.most_common(1)[0][0] == there
    assert nexts[there] / nexts.total() > 0.25
    assert sum(len(set(truth.trail) & set(history)) >= 6 for history in others) >= 50


def test_the_trail_is_the_same_in_a_tiny_shop(tiny_shop: SampleShop, truth: PlantedTruth) -> None:
    assert tiny_shop.truth.trail == truth.trail == tuple(f"item-{number:06d}" for number in range(1, 9))
