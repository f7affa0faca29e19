"""How each family's answers are made again from a row of its log: the very code that the desks answer with.

Each class takes the folder of the artefact that answered. Its ``again`` returns the fields of the row as they come out
now, and raises :class:`NotReplayableError` where the row has not what that takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pydantic import ValidationError

from models.catalogue import Catalogue
from models.churn import predict as churn
from models.intent.predict import IntentClassifier
from models.purchase_intent.predict import PurchaseIntentModel
from models.recommender.predict import Recommender
from serving.churn.desk import ChurnCase, has_ordered, logged_result, predicted
from serving.features import UserFeatures
from serving.items.rules import RuleBook, RulesInForce
from serving.recommender.composing import ListComposer, Listed
from serving.recommender.experiments.in_force import Treatment
from serving.recommender.list_states import StateGoneError, read_state
from serving.recommender.schemas import RecommendationRequest
from serving.recommender.visits import visit_of

MAX_STATES: Final = 8
"""States of rules and items that are kept for the next rows."""
OLDER: Final = "it was logged by an older version, without what a replay takes"


class NotReplayableError(Exception):
    """The answer cannot be made again; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Instead:
    """What lists are made by in place of what made them; nothing but that they try no other items, by default."""

    rules: RuleBook | None = None
    """Rules in place of those that were in force, and of those of an experiment's arm."""
    model: Recommender | None = None
    """A model in place of the one that answered; items keep the stock and prices of then."""


class RecommendationsAgain:
    """Makes lists and rankings again."""

    def __init__(self, artefact: Path, log_folder: Path, *, instead: Instead | None = None) -> None:
        """Make it.

        Args:
            artefact: of the model that answered.
            log_folder: the family's, of the prediction log.
            instead: what the lists are made by in place of what made them; they try nothing then, so that whatever
                differs is its doing.
        """
        self._recommender = Recommender.load(artefact)
        self._folder = log_folder
        self._instead = instead
        self._states: dict[str, tuple[ListComposer, RulesInForce]] = {}

    def again(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the list's items, rung and propensities."""
        inputs = row.get("inputs")
        if inputs is None:
            raise NotReplayableError(OLDER)
        composer, rules = self._state(inputs.get("state"))
        asked = dict(row["request"])
        # A ranking may be of more items than a list may be about.
        ranked = asked.pop("item_ids", []) if row["placement"] == "ranking" else None
        try:
            request = RecommendationRequest.model_validate(asked)
        except ValidationError as error:
            raise NotReplayableError("its request is of another version of the interface") from error
        user = None
        if row["user"] is not None:
            user = UserFeatures(user_key=row["user"], known=inputs["user_known"], values=inputs["features"])
        visit = visit_of(request, user, alike=[(item_id, score) for item_id, score in inputs.get("alike", ())])
        if ranked is not None:
            listed = composer.rank(ranked, visit, explain=request.explain)
        else:
            draws = _Draws(inputs.get("draws", ()))
            now = datetime.fromisoformat(row["answered_at"])
            treatment = Treatment(rules=rules, **inputs.get("treatment", {}))
            listed = composer.compose(request, visit, treatment, now=now, draw=None if self._instead else draws)
            if draws.missing:
                listed = Listed(items=[], fallback=listed.fallback)  # drawn otherwise: it is another list
        return {
            "results": listed.logged,
            "fallback": listed.fallback,
            "propensities": listed.propensities,
            "history_length": len(visit.history),
        }

    def _state(self, name: str | None) -> tuple[ListComposer, RulesInForce]:
        if name is None:
            raise NotReplayableError("the rules and items of its moment were not written down")
        if name not in self._states:
            try:
                state = read_state(self._folder, name, self._recommender.catalogue)
            except StateGoneError as error:
                raise NotReplayableError(f"{error.what} {error.why}") from error
            rules, model = state.rules, self._recommender.with_catalogue(state.catalogue)
            if self._instead is not None:
                rules = self._instead.rules or rules
                if self._instead.model is not None:
                    model = self._instead.model
                    model = model.with_catalogue(model.catalogue.with_items(items_of(state.catalogue)))
            composer = ListComposer(model)
            if len(self._states) >= MAX_STATES:
                self._states.pop(next(iter(self._states)))
            self._states[name] = composer, RulesInForce(rules, composer.recommender.catalogue)
        return self._states[name]


def items_of(catalogue: Catalogue) -> pa.Table:
    """Return items as the mart of that name has them."""
    places = [place for place, item_id in enumerate(catalogue.item_ids) if item_id]
    return pa.table(
        {
            "item_id": pa.array([catalogue.item_ids[place] for place in places], pa.string()),
            "title": pa.array([catalogue.titles[place] for place in places], pa.string()),
            "category": pa.array([catalogue.categories[place] for place in places], pa.string()),
            "brand": pa.array([catalogue.brands[place] for place in places], pa.string()),
            "price": pa.array(catalogue.prices[places]),
            "is_available": pa.array(catalogue.available[places]),
            "is_listed": pa.array(catalogue.listed[places]),
        }
    )


class _Draws:
    """The numbers that were drawn, in order."""

    def __init__(self, drawn: Sequence[float]) -> None:
        self._coming: Iterator[float] = iter(drawn)
        self.missing = 0
        """How many more were asked for than were drawn."""

    def __call__(self) -> float:
        number = next(self._coming, None)
        if number is None:
            self.missing += 1
            return 1.0
        return number


class ChurnAgain:
    """Predicts for customers again."""

    def __init__(self, artefact: Path) -> None:
        self._predictor = churn.load(artefact)

    def again(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return each customer's probability, value and next order, and who has no order to tell them from."""
        if "without_orders" not in row:
            raise NotReplayableError(OLDER)
        cases, strangers = ([_churn_case(one) for one in row[name]] for name in ("results", "without_orders"))
        if not cases and not strangers:
            raise NotReplayableError("none of its instances was predicted")
        entries = predicted(self._predictor, cases, explain=False)
        return {
            "results": [logged_result(entry, case) for entry, case in zip(entries, cases, strict=True)],
            "base_rate": round(self._predictor.base_rate, 6),
            "without_orders": [
                one for one, case in zip(row["without_orders"], strangers, strict=True) if not has_ordered(case)
            ],
        }


def _churn_case(logged: Mapping[str, Any]) -> ChurnCase:
    as_of = logged.get("features_as_of")
    user = UserFeatures(
        user_key=logged["user"],
        known=None,
        values=logged["features"],
        as_of=None if as_of is None else datetime.fromisoformat(as_of),
    )
    return ChurnCase(index=logged["index"], user=user, as_of=logged["as_of_days"])


class PropensityAgain:
    """Predicts for sessions again."""

    def __init__(self, artefact: Path) -> None:
        self._predictor = PurchaseIntentModel.load(artefact)

    def again(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return each session's probability, and whether to act on it."""
        if "explain" not in row:
            raise NotReplayableError(OLDER)
        if not row["results"]:
            raise NotReplayableError("none of its instances was predicted")
        features = [one["features"] for one in row["results"]]
        if row["explain"]:
            probabilities = [one.probability for one in self._predictor.predict_with_reasons(features)]
        else:
            probabilities = [float(one) for one in self._predictor.predict(features)]
        return {
            "results": [
                {**one, "probability": round(probability, 6), "act": probability >= row["act_from"]}
                for one, probability in zip(row["results"], probabilities, strict=True)
            ]
        }


class IntentAgain:
    """Labels texts again, where somebody has them: the log has their digests alone."""

    def __init__(self, artefact: Path, texts: Mapping[str, str]) -> None:
        self._classifier = IntentClassifier.load(artefact)
        self._texts = texts

    def again(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return each text's label and probabilities."""
        if not row["results"]:
            raise NotReplayableError("none of its texts was labelled")
        texts = [self._texts.get(one["text_digest"]) for one in row["results"]]
        written = [text for text in texts if text is not None]
        if len(written) < len(texts):
            raise NotReplayableError("the log has no texts, for privacy, and no text that was given has its digest")
        return {
            "results": [
                {
                    **one,
                    "characters": len(text),
                    "label": prediction.label,
                    "rejected": prediction.rejected,
                    "probabilities": {label: round(p, 6) for label, p in prediction.probabilities.items()},
                    "language": prediction.language,
                }
                for one, text, prediction in zip(
                    row["results"], written, self._classifier.predict(written), strict=True
                )
            ]
        }
