"""Finds the words of a description or review that answer a question about an item, by :mod:`models.answers`."""

from collections.abc import Sequence

from models.answers.answer import Passage
from models.answers.predict import Answerer
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


class ReviewAnswers:
    """Answers out of passages, or not at all."""

    def __init__(self, settings: Settings) -> None:
        """Load what answers; where it cannot be loaded nothing is answered, and :attr:`failure` says why."""
        self.failure: str | None = None
        self._answerer: Answerer | None = None
        try:
            self._answerer = Answerer.load(settings.answers_path)
        except ShopsightError as error:
            self.failure = error.what

    def answer(self, question: str, passages: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Return the sentence that answers, and the id of its passage; None where no passage does."""
        if self._answerer is None:
            return None
        answer = self._answerer.answer(
            question,
            [
                Passage(id=row, text=text, source="catalogue" if row.startswith("items:") else "review")
                for row, text in passages
                if text
            ],
        )
        return None if answer is None else (answer.sentence, answer.passage_ids[0])
