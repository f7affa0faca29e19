"""Intents: from texts to labels, what they name, and what the shop should do. Knows neither BentoML nor FastAPI."""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from models.intent.aspects import mentions
from models.intent.predict import IntentClassifier, IntentPrediction
from models.intent.reasons import explain
from models.intent.tone import ToneModel
from models.intent.word_list import Sentiment, sentiment
from serving.intent.schemas import AspectEntry, Attributes, IntentEntry, IntentExplanation, IntentRequest, Intents
from serving.intent.shop_names import ShopNames
from serving.intent.strategies import DEFAULT, Strategy, filter_of
from serving.prediction_log import RowLog
from serving.schemas import ElementError
from serving.served_model import ServedModel
from serving.tracing import span
from shopsight.clock import rfc3339

MAX_CHARACTERS: Final = 5_000
"""Longest text that is taken; the classifier itself reads the first 1,000."""


class IntentDesk:
    """Answers what texts want."""

    def __init__(
        self,
        classifier: IntentClassifier,
        *,
        model: ServedModel,
        tone: ToneModel | None = None,
        names: Callable[[], ShopNames],
        strategies: Mapping[str, Strategy] = DEFAULT,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.classifier = classifier
        self.model = model
        self.tone = tone
        self._names = names
        self.strategies = strategies
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, request: IntentRequest) -> Intents:
        """Answer every text that is one; the others get their own error."""
        started = time.perf_counter()
        errors = [_error(index, text) for index, text in enumerate(request.texts)]
        texts = [text for text, error in zip(request.texts, errors, strict=True) if error is None]
        names = self._names()
        with span("call the model"):
            predictions = iter(self.classifier.predict(texts) if texts else ())
        answer: Intents = {
            "prediction_id": "pred_" + self._new_id(),
            "model": self.model.name_and_version,
            "intents": [
                _failed(index, error)
                if error is not None
                else self._entry(index, text, next(predictions), names, explain=request.explain)
                for index, (text, error) in enumerate(zip(request.texts, errors, strict=True))
            ],
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
        }
        self._write_row(answer, request)
        return answer

    def _entry(
        self, index: int, text: str, prediction: IntentPrediction, names: ShopNames, *, explain: bool
    ) -> IntentEntry:
        is_review = prediction.label == "leave_review"
        # A guess is acted on as little as talk that has nothing to do with the shop.
        strategy = self.strategies["other" if prediction.rejected else prediction.label]
        attributes = cast(Attributes, names.attributes.find(text))
        sentiment_of_text = self._sentiment(text) if is_review else None
        aspects: list[AspectEntry] = [
            {"aspect": one.aspect, "sentiment": one.tone, "clause": one.clause}
            for one in (mentions(text, self._sentiment) if is_review else ())
        ]
        needs: dict[str, Callable[[], Any]] = {
            "query": lambda: text,
            "filter": lambda: filter_of(attributes),
            "items": lambda: names.items.find(text),
            "attributes": lambda: attributes,
            "sentiment": lambda: sentiment_of_text,
            "aspects": lambda: aspects,
        }
        return {
            "index": index,
            "label": prediction.label,
            "probabilities": {label: round(p, 6) for label, p in prediction.probabilities.items()},
            "rejected": prediction.rejected,
            "language": prediction.language,
            "attributes": attributes,
            "sentiment": sentiment_of_text,
            "praise_probability": round(self.tone.tone(text).probability, 6) if is_review and self.tone else None,
            "aspects": aspects,
            "strategy": strategy.strategy,
            "error": None,
            "needs": {need: needs[need]() for need in strategy.needs},
            "explanation": self._explanation(text) if explain else None,
        }

    def _explanation(self, text: str) -> IntentExplanation:
        explanation = explain(self.classifier, text)
        return {
            "logit": explanation.logit,
            "empty_logit": explanation.empty_logit,
            "contributions": [
                {"text": one.text, "contribution": one.contribution} for one in explanation.contributions
            ],
            "exact": explanation.exact,
        }

    def _sentiment(self, text: str) -> Sentiment:
        return sentiment(text) if self.tone is None else self.tone.tone(text).label

    def _write_row(self, answer: Intents, request: IntentRequest) -> None:
        """Log the answer without its texts: a person may have written anything there."""
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": rfc3339(self._clock()),
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


def _error(index: int, text: object) -> ElementError | None:
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


def _failed(index: int, error: ElementError) -> IntentEntry:
    return {
        "index": index,
        "label": None,
        "probabilities": None,
        "rejected": None,
        "language": None,
        "attributes": None,
        "sentiment": None,
        "praise_probability": None,
        "strategy": None,
        "explanation": None,
        "aspects": [],
        "needs": {},
        "error": error,
    }
