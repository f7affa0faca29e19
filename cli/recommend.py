"""``shopsight recommend``: one shopper's list beside the history it follows from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.table import Table

from cli.console import out, print_json
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from models.recommender.predict import Recommender
    from serving.recommender.desk import OpenDesk
    from serving.recommender.schemas import Recommendations

SHOWN_HISTORY = 10


@dataclass(frozen=True, kw_only=True)
class Shopper:
    """A recommendation with what it follows from."""

    answer: "Recommendations"
    """The service's answer."""
    history: list[tuple[str, str]]
    """Item id and event name of the last interactions, newest first."""
    titles: dict[str, str]
    """Title of every item named."""


class _NotServed:
    """The command line shows a list to its user; no shopper saw it, so it is not in the prediction log."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep nothing."""


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
    from serving.recommender.schemas import RecommendationRequest

    opened = champion_desk(settings)
    request = RecommendationRequest(user_id=user, num_results=num_results, explain=explain)
    answer = opened.desk.answer(request)
    try:
        features = opened.features.user(user, FAMILIES["recommender"].feature_service)
    except OnlineStoreGoneError as gone:
        raise ShopsightError(
            "the history of the shopper cannot be read",
            why=str(gone),
            fix="run `shopsight doctor`, then `shopsight run`",
        ) from gone
    history = list(zip(features.item_ids, features.event_names, strict=True))[::-1][:SHOWN_HISTORY]
    named = [item["item_id"] for item in answer["items"]] + [item_id for item_id, _ in history]
    named += [cause for item in answer["items"] for reason in item["reasons"] for cause in reason["item_ids"]]
    return Shopper(answer=answer, history=history, titles=_titles(opened.desk.recommender, named))


def champion_desk(settings: Settings) -> "OpenDesk":
    """Open the champion as the recommendation service would.

    Raises:
        ShopsightError: there is no approved recommender.
    """
    from models.registry.registry import ModelRegistry
    from serving.recommender.desk import FAMILY, open_desk
    from serving.served_model import ServedModel

    prepare_environment(settings)
    champion = ModelRegistry.of(settings).champion(FAMILY.name)
    if champion is None:
        raise ShopsightError(
            "there is no recommender to answer with",
            why="no candidate was approved in this home",
            fix="run `make demo`, or `shopsight run` and then `shopsight approve recommender --by NAME --reason TEXT`",
        )
    model = ServedModel(
        family=FAMILY.name, version=champion.version, artefact=champion.path, card={}, evaluation={}, approval={}
    )
    return open_desk(settings, model=model, log=_NotServed())


def shopper_tables(user: str, shopper: Shopper, *, explain: bool) -> Columns:
    """Return history and recommendations side by side."""
    history = Table(title=f"{user}: last {len(shopper.history)} interactions", title_justify="left")
    history.add_column("did")
    history.add_column("item")
    for item_id, event_name in shopper.history:
        history.add_row(event_name, shopper.titles[item_id])
    rung = shopper.answer["fallback"]
    recommended = Table(title="recommended" + (f" (fallback: {rung})" if rung else ""), title_justify="left")
    for column in ("", "item", "score", *(["because of"] if explain else [])):
        recommended.add_column(column)
    for item in shopper.answer["items"]:
        causes = [shopper.titles[cause] for reason in item["reasons"] for cause in reason["item_ids"]]
        row = [str(item["rank"]), shopper.titles[item["item_id"]], f"{item['score']:.3f}"]
        recommended.add_row(*row, *(["; ".join(causes) or item["source"]] if explain else []))
    return Columns([history, recommended])


def _titles(recommender: "Recommender", item_ids: Sequence[str]) -> dict[str, str]:
    catalogue = recommender.catalogue
    places = {item_id: catalogue.index_of(item_id) for item_id in item_ids}
    return {
        item_id: (catalogue.titles[place] or item_id) if place is not None else item_id
        for item_id, place in places.items()
    }
