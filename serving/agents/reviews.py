"""What shoppers wrote of an item, and the answers that are in it."""

import threading
from typing import Any, Final, NamedTuple

from models.answers.answer import Answer, Passage
from models.answers.predict import Answerer
from serving.storefront.goods import Good
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb
from shopsight.settings import Settings

MAX_REVIEWS: Final = 200
"""Reviews of an item that a question is put to, the newest."""


class Reviews(NamedTuple):
    """The reviews of an item."""

    passages: list[Passage]
    num_reviews: int
    stars: float | None


class ReviewReader:
    """Reads the mart ``reviews`` when it is asked, and loads what answers questions when the first one comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._answerer: Answerer | None = None
        self._lock = threading.Lock()

    def of(self, item_id: str) -> Reviews:
        """Return the reviews of an item; none where the warehouse has none."""
        path = export_path(self._settings, "reviews")
        if not mart_exists(path):
            return Reviews([], 0, None)
        with open_duckdb() as connection:
            rows: list[Any] = connection.execute(
                "select review_id, text, stars, count(*) over () as reviews, avg(stars) over () as mean_stars "
                f"from ({mart_at(path).rows()}) where item_id = ? "
                f"order by event_timestamp desc, review_id limit {MAX_REVIEWS}",
                [item_id],
            ).fetchall()
        if not rows:
            return Reviews([], 0, None)
        passages = [Passage(id=f"reviews:{row[0]}", text=row[1], source="review") for row in rows]
        return Reviews(passages, rows[0][3], None if rows[0][4] is None else round(float(rows[0][4]), 2))

    def answer(self, question: str, good: Good, reviews: Reviews) -> Answer | None:
        """Return the words of the item's description or of its reviews that answer a question; None: nothing does."""
        passages = list(reviews.passages)
        if good["description"]:
            passages.insert(0, Passage(id=f"items:{good['item_id']}", text=good["description"], source="catalogue"))
        return self._loaded().answer(question, passages)

    def _loaded(self) -> Answerer:
        with self._lock:
            if self._answerer is None:
                self._answerer = Answerer.load(self._settings.answers_path)
            return self._answerer
