"""Intents: from texts to labels, what they name, and what the shop should do. Knows neither BentoML nor FastAPI."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from models.intent.aspects import mentions
from models.intent.attributes import TextAttributes
from models.intent.predict import IntentClassifier, IntentPrediction
from models.intent.reasons import explain
from models.intent.tone import ToneModel
from models.intent.word_list import sentiment
from serving.intent.named_items import NamedItems
from serving.intent.strategies import DEFAULT, Strategy, filter_of
from serving.prediction_log import RowLog
from serving.schemas import IntentRequest
from serving.served_model import ServedModel

MAX_CHARACTERS: Final = 5_000
"""Longest text that is taken; the classifier itself reads the first 1,000."""

EMPTY: Final = (
    "label",
    "probabilities",
    "rejected",
    "language",
    "attributes",
    "sentiment",
    "praise_probability",
    "strategy",
    "explanation",
)
"""What an entry of a text that cannot be answered has none of."""


class IntentDesk:
    """Answers what texts want."""

    def __init__(
        self,
        classifier: IntentClassifier,
        *,
        model: ServedModel,
        tone: ToneModel | None = None,
        attributes: TextAttributes,
        items: NamedItems | None = None,
        strategies: Mapping[str, Strategy] = DEFAULT,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.classifier = classifier
        self.model = model
        self.tone = tone
        self.attributes = attributes
        self.items = items or NamedItems(())
        self.strategies = strategies
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, request: IntentRequest) -> dict[str, Any]:
        """Answer every text that is one; the others get their own error."""
        started = time.perf_counter()
        errors = [_error(index, text) for index, text in enumerate(request.texts)]
        good = [text for text, error in zip(request.texts, errors, strict=True) if error is None]
        found = iter(self.classifier.predict(good) if good else ())
        intents = [
            _failed(index, error)
            if error is not None
            else self._entry(index, text, next(found)) | {"explanation": self._explanation(text, request)}
            for index, (text, error) in enumerate(zip(request.texts, errors, strict=True))
        ]
        answer = {
            "prediction_id": "pred_" + self._new_id(),
            "model": self.model.name_and_version,
            "intents": intents,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
        }
        self._write_row(answer, request)
        return answer

    def _entry(self, index: int, text: str, prediction: IntentPrediction) -> dict[str, Any]:
        review = prediction.label == "leave_review"
        # A guess is acted on as little as talk that has nothing to do with the shop.
        strategy = self.strategies["other" if prediction.rejected else prediction.label]
        attributes = self.attributes.find(text)
        entry = {
            "index": index,
            "label": prediction.label,
            "probabilities": {label: round(p, 6) for label, p in prediction.probabilities.items()},
            "rejected": prediction.rejected,
            "language": prediction.language,
            "attributes": attributes,
            "sentiment": self._sentiment(text) if review else None,
            "praise_probability": round(self.tone.tone(text).probability, 6) if review and self.tone else None,
            "aspects": [
                {"aspect": one.aspect, "sentiment": one.tone, "clause": one.clause}
                for one in (mentions(text, self._sentiment) if review else ())
            ],
            "strategy": strategy.strategy,
            "error": None,
        }
        has: dict[str, Callable[[], Any]] = {
            "query": lambda: text,
            "filter": lambda: filter_of(attributes),
            "items": lambda: self.items.find(text),
            "attributes": lambda: attributes,
            "sentiment": lambda: entry["sentiment"],
            "aspects": lambda: entry["aspects"],
        }
        return entry | {"needs": {need: has[need]() for need in strategy.needs}}

    def _explanation(self, text: str, request: IntentRequest) -> dict[str, Any] | None:
        if not request.explain:
            return None
        found = explain(self.classifier, text)
        return {
            "logit": found.logit,
            "empty_logit": found.empty_logit,
            "contributions": [asdict(one) for one in found.contributions],
            "exact": found.exact,
        }

    def _sentiment(self, text: str) -> str:
        return sentiment(text) if self.tone is None else self.tone.tone(text).label

    def _write_row(self, answer: Mapping[str, Any], request: IntentRequest) -> None:
        """Log the answer without its texts: a person may have written anything there."""
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": self._clock().isoformat().replace("+00:00", "Z"),
                "model": answer["model"],
                "results": [
                    {
                        "text_digest": hashlib.sha256(text.encode()).hexdigest()[:16],
                        "characters": len(text),
                        "label": entry["label"],
                        "rejected": entry["rejected"],
                        "probabilities": entry["probabilities"],
                        "language": entry["language"],
                    }
                    for text, entry in zip(request.texts, answer["intents"], strict=True)
                    if entry["error"] is None
                ],
                "errors": sum(entry["error"] is not None for entry in answer["intents"]),
                "latency_ms": answer["took_ms"],
            }
        )


def _error(index: int, text: object) -> dict[str, Any] | None:
    if not isinstance(text, str):
        code, detail = "not_a_text", "A text must be a string."
    elif len(text) > MAX_CHARACTERS:
        code, detail = "too_long", f"A text has at most {MAX_CHARACTERS} characters, this one {len(text)}."
    else:
        return None
    return {
        "code": code,
        "detail": detail,
        "errors": [{"loc": ["body", "texts", index], "msg": detail, "type": code}],
    }


def _failed(index: int, error: Mapping[str, Any]) -> dict[str, Any]:
    return {"index": index, **dict.fromkeys(EMPTY), "aspects": [], "needs": {}, "error": error}
