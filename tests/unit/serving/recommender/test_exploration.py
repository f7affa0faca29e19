"""Lists that try other items: seldom, within the shop's rules, and with chances that are what the log says."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from models.recommender.predict import Recommender, ScoredItem
from serving.features import FeatureReader
from serving.items.rules import Explore, RuleBook, RulesInForce
from serving.prediction_log import PredictionLog, read_log
from serving.recommender.desk import RecommendationDesk
from serving.recommender.exploration import explored
from serving.recommender.rules_replay import replay
from serving.recommender.schemas import RecommendationRequest, Recommendations
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
Ask = Callable[..., dict[str, Any]]


def explore(**fields: Any) -> dict[str, Any]:
    return {"explore": {"share": 0.2, "placements": ["best_sellers"], **fields}}


class Draws:
    """Numbers that a test decides on; 0.99, which explores nothing, when they are used up."""

    def __init__(self) -> None:
        self.coming: list[float] = []

    def __call__(self) -> float:
        return self.coming.pop(0) if self.coming else 0.99


@pytest.fixture
def draws() -> Draws:
    return Draws()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    log = PredictionLog(tmp_path / "log", clock=lambda: MONDAY)
    yield log
    log.close()


@pytest.fixture
def desk(
    recommender: Recommender, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser, draws: Draws
) -> RecommendationDesk:
    return RecommendationDesk(
        recommender,
        model=ServedModel(
            family="recommender", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
        ),
        features=FeatureReader(lambda: online, pseudonymiser),
        log=log,
        clock=lambda: MONDAY,
        new_id=lambda: "1",
        draw=draws,
    )


@pytest.fixture
def ask(desk: RecommendationDesk) -> Ask:
    def answer(book: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        rules = RulesInForce(RuleBook.model_validate(book), desk.recommender.catalogue)
        desk._rules = lambda: rules  # noqa: SLF001 - in place of the file, which is watched by its age
        answer = desk.answer(RecommendationRequest.model_validate({"placement": "best_sellers"} | fields))
        TypeAdapter(Recommendations).validate_python(answer)
        return dict(answer)

    return answer


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def propensities(answer: Mapping[str, Any]) -> list[float]:
    return [item["propensity"] for item in answer["items"]]


def test_without_the_rule_nothing_is_tried_and_no_propensity_is_given(
    ask: Ask, log: PredictionLog, draws: Draws
) -> None:
    draws.coming = [0.0] * 20
    for book in ({}, explore(placements=["trending"])):
        answer = ask(book, num_results=3)
        assert ids(answer) == ["i_0", "i_1", "i_2"]
        assert all("propensity" not in item for item in answer["items"])
    assert [row["propensities"] for row in read_log(log.folder).rows] == [None, None]


def test_only_the_last_places_try_an_item_and_the_log_says_with_what_chance(
    ask: Ask, log: PredictionLog, draws: Draws
) -> None:
    draws.coming = [0.19, 0.5]  # the last place tries, and takes the item half-way down the next ten
    answer = ask(explore(among=10), num_results=4)
    assert ids(answer) == ["i_0", "i_1", "i_2", "i_10"]
    assert propensities(answer) == [1.0, 1.0, 1.0, 0.2 / 10]
    assert ids(ask(explore(among=10), num_results=4)) == ["i_0", "i_1", "i_2", "i_4"], "i_3 is sold out"
    rows = read_log(log.folder).rows
    assert [row["propensities"] for row in rows] == [[1.0, 1.0, 1.0, 0.02], [1.0, 1.0, 1.0, 0.8]]
    assert [row["results"][3][0] for row in rows] == ["i_10", "i_4"]


def test_the_first_place_is_never_tried_with(ask: Ask, draws: Draws) -> None:
    draws.coming = [0.0] * 40
    answer = ask(explore(places=20), num_results=3)
    assert ids(answer)[0] == "i_0"
    assert propensities(answer)[0] == 1.0
    assert len(set(ids(answer))) == 3
    assert propensities(ask(explore(), num_results=1)) == [1.0]


def test_what_may_not_be_shown_is_not_tried(ask: Ask, draws: Draws, recommender: Recommender) -> None:
    """Every item that can come up does, over all draws; none is of the brand or the item that is left out."""
    brands = recommender.catalogue.brands
    book = explore(among=200) | {"rules": [{"name": "no Acme", "leave_out": {"brand": {"any_of": ["Acme"]}}}]}
    tried = set()
    for step in range(70):
        draws.coming = [0.0, step / 70]
        tried.add(ids(ask(book, num_results=3, exclude_item_ids=["i_20"]))[-1])
    assert len(tried) > 20
    assert not [item for item in tried if brands[recommender.catalogue.positions[item]] == "Acme"]
    assert "i_20" not in tried


def test_caps_hold_for_what_is_tried_and_pins_stay(ask: Ask, draws: Draws, recommender: Recommender) -> None:
    rules = [
        {"name": "brands", "at_most": {"per": "brand", "places": 2}},
        {"name": "gift", "pin": {"item_ids": ["i_40"], "place": 4}},
    ]
    for step in range(20):
        draws.coming = [0.0, step / 20] * 4
        answer = ask(explore(places=3, among=50) | {"rules": rules}, num_results=4)
        counts = Counter(
            recommender.catalogue.brands[recommender.catalogue.positions[item]] for item in ids(answer)[:3]
        )
        assert max(counts.values()) <= 2
        assert ids(answer)[3] == "i_40"
        assert propensities(answer)[3] == 1.0


def test_a_list_that_explores_but_does_not_try_is_the_one_without(ask: Ask) -> None:
    for placement, extra in (("recommended_for_you", {"user_id": "maya"}), ("trending", {}), ("best_sellers", {})):
        still = ask(explore(placements=[placement]), placement=placement, num_results=8, **extra)
        assert ids(still) == ids(ask({}, placement=placement, num_results=8, **extra))


def test_a_shop_with_nothing_left_to_try_shows_its_list_with_certainty(ask: Ask, draws: Draws) -> None:
    draws.coming = [0.0] * 10
    answer = ask(explore(), num_results=500)
    assert set(propensities(answer)) == {1.0}


def test_the_chances_of_the_log_are_those_with_which_items_come_up() -> None:
    rng = np.random.default_rng(3)
    items = [ScoredItem(item_id=f"i_{number}", score=0.0, source="") for number in range(12)]
    rule = Explore(share=0.3, placements=["trending"], places=2, among=5)
    times: Counter[tuple[int, str]] = Counter()
    chances: dict[tuple[int, str], float] = {}
    lists = 20_000
    for _ in range(lists):
        drawn, propensities = explored(items, num_results=4, explore=rule, pinned=set(), draw=rng.random)
        for place, (item, chance) in enumerate(zip(drawn, propensities, strict=True)):
            times[place, item.item_id] += 1
            chances[place, item.item_id] = chance
    for number in range(4, 9):
        assert times[2, f"i_{number}"] / lists == pytest.approx(0.3 / 5, rel=0.1)
    assert times[2, "i_2"] / lists == pytest.approx(0.7, rel=0.05)
    assert chances[2, "i_2"] == pytest.approx(0.7)
    assert not any(times[place, f"i_{number}"] for place in range(4) for number in range(9, 12))


def test_a_replay_of_rules_compares_lists_that_try_nothing(desk: RecommendationDesk, draws: Draws, ask: Ask) -> None:
    ask({}, num_results=4)
    rows = [{"placement": "best_sellers", "request": {"placement": "best_sellers", "num_results": 4}}]
    draws.coming = [0.0] * 20
    changes = replay(
        rows,
        desk=desk,
        features=desk._features,  # noqa: SLF001 - the desk's own
        before=RuleBook(),
        after=RuleBook.model_validate(explore()),
    )
    assert (changes.asked, changes.changed) == (1, 0)
    assert len(draws.coming) == 20


@pytest.mark.parametrize(
    "wrong",
    [{"share": 0}, {"share": 0.6}, {"placements": []}, {"placements": ["nowhere"]}, {"places": 0}, {"among": 1_000}],
)
def test_a_rule_that_explores_too_much_or_nowhere_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        RuleBook.model_validate(explore(**wrong))
