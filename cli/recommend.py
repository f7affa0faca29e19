"""``shopsight recommend``: one shopper's list beside the history it follows from."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.table import Table

from cli.console import out, print_json
from shopsight.errors import ShopsightError
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from models.recommender.predict import Recommender
    from serving.features import FeatureReader
    from serving.recommender.desk import RecommendationDesk

SHOWN_HISTORY = 10


@dataclass(frozen=True, kw_only=True)
class Shopper:
    """A recommendation with what it follows from."""

    answer: dict[str, Any]
    """The service's answer."""
    history: list[tuple[str, str]]
    """Item id and event name of the last interactions, newest first."""
    titles: dict[str, str]
    """Title of every item named."""


class _NotServed:
    """The command line shows a list to its user; no shopper saw it, so it is not in the prediction log."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep nothing."""


@dataclass(frozen=True, kw_only=True)
class OpenDesk:
    """The recommendation desk of this home's champion, without a service around it."""

    desk: "RecommendationDesk"
    features: "FeatureReader"


def show_recommendations(user: str, *, num_results: int, explain: bool, as_json: bool) -> None:
    """Print the list as tables or as the service's own JSON."""
    shopper = recommend_to(Settings(), user, num_results=num_results, explain=explain)
    if as_json:
        print_json(shopper.answer)
    else:
        out.print(shopper_tables(user, shopper, explain=explain))


def recommend_to(settings: Settings, user: str, *, num_results: int, explain: bool = False) -> Shopper:
    """Answer as the recommendation service would, in this process.

    Raises:
        ShopsightError: there is no approved recommender.
    """
    from serving.features import OnlineStoreGoneError
    from serving.schemas import RecommendationRequest

    opened = open_desk(settings)
    request = RecommendationRequest(user_id=user, num_results=num_results, explain=explain)
    answer = opened.desk.answer(request)
    try:
        known = opened.features.user(user, "user_history")
    except OnlineStoreGoneError as gone:
        raise ShopsightError(
            "the history of the shopper cannot be read",
            why=str(gone),
            fix="run `shopsight doctor`, then `shopsight run`",
        ) from gone
    history = list(zip(known.item_ids, known.event_names, strict=True))[::-1][:SHOWN_HISTORY]
    named = [item["item_id"] for item in answer["items"]] + [item_id for item_id, _ in history]
    named += [cause for item in answer["items"] for reason in item["reasons"] for cause in reason["item_ids"]]
    return Shopper(answer=answer, history=history, titles=_titles(opened.desk.recommender, named))


def open_desk(settings: Settings) -> OpenDesk:
    """Open the champion as the recommendation service would, with the rules in force.

    Raises:
        ShopsightError: there is no approved recommender.
    """
    from models.recommender.predict import Recommender
    from models.registry.registry import ModelRegistry
    from serving.features import FeatureReader
    from serving.recommender.desk import RecommendationDesk
    from serving.recommender.rules_file import RulesFile
    from serving.served_model import ServedModel
    from shopsight.feature_store import OnlineFeatures
    from shopsight.privacy import Pseudonymiser

    prepare_environment(settings)
    champion = ModelRegistry(settings.registry_dir).champion("recommender")
    if champion is None:
        raise ShopsightError(
            "there is no recommender to answer with",
            why="no candidate was approved in this home",
            fix="run `make demo`, or `shopsight run` and then `shopsight approve recommender --by NAME --reason TEXT`",
        )
    recommender = Recommender.load(champion.path)
    features = FeatureReader(lambda: OnlineFeatures(settings), Pseudonymiser.from_settings(settings))
    desk = RecommendationDesk(
        recommender,
        model=ServedModel(
            family="recommender", version=champion.version, artefact=champion.path, card={}, evaluation={}, approval={}
        ),
        features=features,
        log=_NotServed(),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: secrets.token_hex(8),
        rules=RulesFile(settings.rules_path, recommender.catalogue),
    )
    return OpenDesk(desk=desk, features=features)


def shopper_tables(user: str, shopper: Shopper, *, explain: bool) -> Columns:
    """Return history and recommendations side by side."""
    history = Table(title=f"{user}: last {len(shopper.history)} interactions", title_justify="left")
    history.add_column("did")
    history.add_column("item")
    for item_id, event_name in shopper.history:
        history.add_row(event_name, shopper.titles[item_id])
    rung = shopper.answer["fallback"]
    shown = Table(title="recommended" + (f" (fallback: {rung})" if rung else ""), title_justify="left")
    for column in ("", "item", "score", *(["because of"] if explain else [])):
        shown.add_column(column)
    for item in shopper.answer["items"]:
        causes = [shopper.titles[cause] for reason in item["reasons"] for cause in reason["item_ids"]]
        row = [str(item["rank"]), shopper.titles[item["item_id"]], f"{item['score']:.3f}"]
        shown.add_row(*row, *(["; ".join(causes) or item["source"]] if explain else []))
    return Columns([history, shown])


def _titles(recommender: "Recommender", item_ids: Sequence[str]) -> dict[str, str]:
    catalogue = recommender.catalogue
    places = {item_id: catalogue.index_of(item_id) for item_id in item_ids}
    return {
        item_id: (catalogue.titles[place] or item_id) if place is not None else item_id
        for item_id, place in places.items()
    }
