"""A sample shop whose shoppers are shown lists: who clicks what is known, because it was planted.

A shopper clicks the item at a place with the chance that places of lists have in the generator, times how far the item
is to their taste: how often they look for something in its department, and how likely they are to pick it there, by
popularity and by price, as the generator draws it. Policies learn from the shop's events, as in life, not from tastes.

Shapes: U shoppers, N items, K places.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation.off_policy.rounds import Floats
from models.recommender.baselines import best_sellers, plain_popularity, trending
from models.recommender.dataset import Interactions
from models.recommender.history import BEHAVIOURS, History
from models.recommender.linear.pairs import PairsConfig, fit_together
from shopsight.sample_shop import generate
from shopsight.sample_shop.search import CLICKED_PLACE
from shopsight.sample_shop.shop import SampleShop
from shopsight.settings import Size

Lists = NDArray[np.intp]
FAVOURITE_SHARES: Final = (0.6, 0.25, 0.15)
"""How often a shopper's first, second and third favourite department are looked into."""
PLACES: Final = len(CLICKED_PLACE)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A list for each shopper, in whose stead a random one is shown now and then."""

    list_UK: Lists
    explores: float = 0.0
    """Share of the lists that are drawn at random from the whole catalogue."""

    def chance(self, shopper_R: Lists, item_RK: Lists, *, items: int) -> Floats:
        """Return the probability of each item at its place, shape (R, K): of the place alone, whatever stands above."""
        return np.asarray((1 - self.explores) * (self.list_UK[shopper_R] == item_RK) + self.explores / items)


@dataclass(frozen=True, kw_only=True)
class ShownShop:
    """Shoppers and items of a shop, and what comes of showing them."""

    click_UN: Floats
    """Chance that a shopper clicks an item that they notice."""
    department_U: Lists
    """The department that each shopper's events are mostly about."""
    policies: dict[str, Policy]

    def worth(self, policy: Policy) -> float:
        """Return the clicks per shown item that a policy has, exactly."""
        place_K = np.array(CLICKED_PLACE)
        own = np.take_along_axis(self.click_UN, policy.list_UK, axis=1) @ place_K
        any_item = self.click_UN.mean(axis=1) * place_K.sum()
        return float(((1 - policy.explores) * own + policy.explores * any_item).mean() / PLACES)


def open_shop(size: Size, *, seed: int) -> ShownShop:
    """Generate a shop and fit ten policies to its events."""
    shop = generate(size, seed=seed)
    events = _events(shop)
    data = Interactions.from_tables(events, shop.items.select(["item_id"]))
    code_I = np.searchsorted(data.item_ids, np.array(shop.catalogue.item_ids, dtype=object))
    ids = np.unique(events["user_id"].to_numpy().astype(object))
    number = {user: place for place, user in enumerate(shop.people.user_ids)}
    shopper_U = np.array([number[user] for user in ids])
    click_UN = np.empty((len(ids), data.items))
    click_UN[:, code_I] = _tastes(shop)[shopper_U]
    department_N = np.empty(data.items, dtype=np.intp)
    department_N[code_I] = shop.catalogue.leaf_department_L[shop.catalogue.leaf_I]
    departments = int(department_N.max()) + 1
    looks_UD = np.zeros((len(ids), departments))
    np.add.at(looks_UD, (data.users_E, department_N[data.items_E]), 1.0)
    department_U = looks_UD.argmax(axis=1)
    return ShownShop(
        click_UN=click_UN,
        department_U=department_U,
        policies=_policies(data, department_N, department_U, click_UN, _prices(shop, code_I), seed=seed),
    )


def _policies(
    data: Interactions,
    department_N: Lists,
    department_U: Lists,
    click_UN: Floats,
    price_N: Floats,
    *,
    seed: int,
) -> dict[str, Policy]:
    shoppers = len(department_U)
    together = fit_together(data, "view_item", PairsConfig(within_seconds=1_800))
    histories = [History(data.items_E[part], data.behaviours_E[part]) for part in data.user_slices()]
    popular_N = plain_popularity(data).scores_N.astype(np.float64)
    near_UN = together.scores(histories).astype(np.float64)
    own_department_UN = department_N == department_U[:, None]
    popular = _lists(popular_N, shoppers)
    similar = _lists(near_UN + 1e-9 * popular_N, shoppers)
    any_order_N = np.random.default_rng([seed, 0]).permutation(data.items).astype(np.float64)
    return {
        "planted taste": Policy(list_UK=_lists(click_UN, shoppers)),
        "popular in the department": Policy(list_UK=_lists(np.where(own_department_UN, popular_N, -1.0), shoppers)),
        "item-kNN": Policy(list_UK=similar),
        "item-kNN, 30% random": Policy(list_UK=similar, explores=0.3),
        "popularity": Policy(list_UK=popular),
        "popularity, 50% random": Policy(list_UK=popular, explores=0.5),
        "best sellers": Policy(list_UK=_lists(best_sellers(data).scores_N, shoppers)),
        "trending": Policy(list_UK=_lists(trending(data, half_life_days=2.0).scores_N, shoppers)),
        "cheapest": Policy(list_UK=_lists(-price_N, shoppers)),
        "random": Policy(list_UK=_lists(any_order_N, shoppers), explores=1.0),
    }


def _lists(scores: NDArray[np.floating], shoppers: int) -> Lists:
    """Return the best items of each shopper, shape (U, K), from scores of shape (N,) or (U, N)."""
    best = np.argsort(-scores, axis=-1, kind="stable")[..., :PLACES]
    return np.broadcast_to(best, (shoppers, PLACES))


def _tastes(shop: SampleShop) -> Floats:
    """Return the chance that each person clicks an item that they notice, relative to their favourite: (people, N)."""
    catalogue, people = shop.catalogue, shop.people
    department_I = catalogue.leaf_department_L[catalogue.leaf_I]
    share = np.zeros((len(people.user_ids), int(department_I.max()) + 1))
    for place, part in enumerate(FAVOURITE_SHARES):
        np.add.at(share, (np.arange(len(share)), people.favourites_UF[:, place]), part / FAVOURITE_SHARES[0])
    cheapest_I = np.zeros(len(catalogue.item_ids))
    for start, end in zip(catalogue.leaf_start_L[:-1], catalogue.leaf_start_L[1:], strict=True):
        # Of three items that are drawn by popularity a thrifty shopper takes the cheapest.
        order = start + np.argsort(catalogue.price_I[start:end], kind="stable")
        as_dear = np.append(np.cumsum(catalogue.weight_I[order][::-1])[::-1], 0.0)
        cheapest_I[order] = as_dear[:-1] ** 3 - as_dear[1:] ** 3
    thrift = people.sensitivity_U[:, None]
    pick = (1 - thrift) * catalogue.weight_I + thrift * cheapest_I
    best = np.maximum.reduceat(pick, catalogue.leaf_start_L[:-1], axis=1)[:, catalogue.leaf_I]
    return np.asarray(share[:, department_I] * pick / best)


def _prices(shop: SampleShop, code_I: Lists) -> Floats:
    price_N = np.empty(len(code_I))
    price_N[code_I] = shop.catalogue.price_I
    return price_N


def _events(shop: SampleShop) -> pa.Table:
    """Return the events that a recommender learns from, of shoppers with an account, each once."""
    raw = pa.Table.from_batches(shop.event_batches())
    raw = raw.filter(pc.is_in(raw["event_name"], pa.array(BEHAVIOURS)))
    raw = raw.filter(pc.and_(pc.is_valid(raw["user_id"]), pc.is_in(raw["item_id"], pa.array(shop.catalogue.item_ids))))
    raw = raw.filter(pc.and_(pc.is_valid(raw["event_timestamp"]), pc.is_in(raw["user_id"], _people(shop))))
    columns = ["event_id", "line_number", "user_id", "item_id", "event_name", "event_timestamp"]
    once = (
        raw.select(columns)
        .group_by(columns[:2], use_threads=False)
        .aggregate([(name, "first") for name in columns[2:]])
    )
    once = once.rename_columns(columns)
    return once.append_column("nth", pa.array(np.arange(len(once))))


def _people(shop: SampleShop) -> pa.Array:
    people = shop.people
    rows = zip(people.user_ids, people.bot_U.tolist(), people.registered_U.tolist(), strict=True)
    return pa.array([user for user, bot, registered in rows if user is not None and registered and not bot])
