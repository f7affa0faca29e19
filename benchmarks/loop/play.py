"""Days of a sample shop whose taste changes, played one by one on the real chain; nobody decides anything."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.loop.chain import FAMILY, Chain, Evening, new_taste, served
from benchmarks.loop.visits import Contact, contacts_by_day, start_of
from models.evaluation.ranking import ndcg_at
from models.registry.version import ModelVersion
from serving.prediction_log import PredictionLog
from serving.recommender.desk import RecommendationDesk, open_desk
from serving.recommender.schemas import RecentEvent, RecommendationRequest
from shopsight.clock import clock_at
from shopsight.contracts import HISTORY_LENGTH
from shopsight.sample_shop import SampleShop, SampleShopConfig, generate
from shopsight.settings import Settings

Floats = NDArray[np.float64]
LENGTH: Final = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which days are played of which shop."""

    shop: SampleShopConfig
    first_day: int
    """Day on which the first champion serves; it is trained on all before."""
    last_day: int
    cooldown_hours: float

    def __post_init__(self) -> None:
        if self.shop.taste_changes_on is None or not (
            0 < self.first_day < self.shop.taste_changes_on < self.last_day < self.shop.days
        ):
            raise ValueError("a model serves before the taste changes, and days are played after it")


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day that was played."""

    day: int
    date: str
    shoppers: Sequence[str]
    """Who made each first contact."""
    served: Floats
    """NDCG@10 of the list that was shown just before it."""
    stale: Floats
    """The same of the first champion, had nothing been trained again."""
    oracle: Floats
    """The same of a model that was trained on as many days of the new taste alone."""
    version: str
    """What served that day."""
    evening: Evening


class Nowhere:
    """Keeps no row: these lists are shown to nobody."""

    def append(self, _row: Any, /) -> None:
        """Do nothing."""


def play(plan: Plan, *, seed: int, say: Callable[[str], None]) -> list[Day]:
    """Play the days of one shop."""
    with tempfile.TemporaryDirectory() as folder:
        shop = generate(plan.shop, seed=seed)
        chain = chain_of(Path(folder) / "shop", plan, seed=seed, config=plan.shop)
        other = chain_of(Path(folder) / "oracle", plan, seed=seed, config=new_taste(plan.shop))
        for name, one in (("the new taste alone", other), ("the old taste", chain)):
            one.land(start_of(shop, plan.first_day))
            one.train(start_of(shop, plan.first_day))
            say(f"A first model of {name}: NDCG@10 {one.champion().evaluation.metrics['ndcg@10']} on its test window")
        models = (chain.champion(), other.champion())
        return list(play_days(chain, models, shop, range(plan.first_day, plan.last_day + 1), say=say))


def play_days(
    chain: Chain,
    beside: tuple[ModelVersion, ModelVersion],
    shop: SampleShop,
    days: Iterable[int],
    *,
    say: Callable[[str], None],
) -> Iterator[Day]:
    """Show the lists of each day, then let it end: its events land, and what is asked for is trained.

    Args:
        chain: of the home that is played.
        beside: the first model, and one of the new taste alone: their lists are judged, too, and shown to nobody.
        shop: whose shoppers they are.
        days: which are played, in order.
        say: told of every day.
    """
    contacts = contacts_by_day(shop)
    for day in days:
        champion = chain.champion()
        with _open_champion(chain.settings, champion) as desk:
            gains = gains_of(desk, contacts[day])
        stale, ideal = (
            gains_of(open_desk(chain.settings, model=served(one), log=Nowhere()).desk, contacts[day]) for one in beside
        )
        evening = chain.evening(start_of(shop, day + 1))
        say(
            f"day {day}: {champion.version} {gains.mean():.4f} of {len(gains)} contacts, the first model "
            f"{stale.mean():.4f}, one of the new taste {ideal.mean():.4f}. {evening.said_in_words()}"
        )
        yield Day(
            day=day,
            date=start_of(shop, day).date().isoformat(),
            shoppers=[contact.user_id for contact in contacts[day]],
            served=gains,
            stale=stale,
            oracle=ideal,
            version=champion.version,
            evening=evening,
        )


def gains_of(desk: RecommendationDesk, contacts: Sequence[Contact]) -> Floats:
    """Return the NDCG@10 of the list that a desk answers with just before each contact."""
    gains = np.zeros(len(contacts))
    for number, contact in enumerate(contacts):
        request = RecommendationRequest(
            user_id=contact.user_id,
            num_results=LENGTH,
            recent_events=[
                RecentEvent(event_name=name, item_id=item) for item, name in contact.so_far[-HISTORY_LENGTH:]
            ],
        )
        with clock_at(contact.at - timedelta(milliseconds=1)):
            items = [item["item_id"] for item in desk.answer(request)["items"]]
        if contact.item_id in items:
            gains[number] = ndcg_at(np.array([items.index(contact.item_id) + 1]), LENGTH)[0]
    return gains


@contextmanager
def _open_champion(settings: Settings, champion: ModelVersion) -> Iterator[RecommendationDesk]:
    """Open the champion as a service does, with its prediction log."""
    log = PredictionLog(settings.predictions_dir / FAMILY)
    try:
        yield open_desk(settings, model=served(champion), log=log).desk
    finally:
        log.close()


def chain_of(home: Path, plan: Plan, *, seed: int, config: SampleShopConfig) -> Chain:
    """Return the chain of a home whose days are to be played."""
    settings = Settings(
        home=home,
        training_size="tiny",
        approval_policy="automatic",
        seed=seed,
        retraining_cooldown_hours=plan.cooldown_hours,
    )
    return Chain(settings, config, seed=seed)
