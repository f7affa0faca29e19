"""The pictures of a home as a service searches them: read when they change, and absent while there are none."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.pictures.encoder import PictureEncoder, load_picture_encoder
from models.pictures.index import LabelSuggestion, Looks, PictureIndex
from models.pictures.reading import PictureError, read_picture
from models.text.sentences import load_sentence_encoder
from serving.http.problems import ProblemError
from serving.pictures.home_pictures import HomePictures, Pictures
from serving.pictures.schemas import PictureAnswer
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

STATUS: Final = {"too_large": 413, "too_many_pixels": 413, "unsupported_format": 415, "animated": 415}
"""Of what is wrong with a picture; 422 of all else."""


class PictureShelf:
    """Answers what looks like a picture, like items, or like what a text says."""

    def __init__(
        self,
        settings: Settings,
        *,
        catalogue: Callable[[], Catalogue] | None = None,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one; files are read by the first question.

        Args:
            settings: of the home.
            catalogue: the items as they are now; by default every item with a picture may be shown.
            seconds_now: a clock that nobody sets.
        """
        self._settings = settings
        self._catalogue = catalogue
        self._pictures = HomePictures(settings, seconds_now=seconds_now)
        self._encoder: PictureEncoder | None = None
        self._encoding = threading.Lock()

    def by_picture(self, data: bytes, *, num_results: int) -> PictureAnswer:
        """Answer for the bytes of a picture.

        Raises:
            ProblemError: they are none that can be read (413, 415, 422), or the shop has no pictures (503).
        """
        started = time.perf_counter()
        opened = self._open()
        try:
            picture = read_picture(data)
        except PictureError as error:
            status = STATUS.get(error.code, 422)
            detail = f"{error.what[0].upper()}{error.what[1:]}: {error.why}. To fix it, {error.fix}."
            raise ProblemError(status, detail, code=f"picture_{error.code}") from error
        vectors = opened.model.space.vectors(self._encoder_of_home(), [picture])
        (items,) = opened.index.similar(
            vectors, opened.model, num_results=num_results, allowed=self._allowed(opened.index)
        )
        (suggestions,) = opened.index.suggestions(vectors, opened.model)
        return self._answer(opened, items, suggestions, missing=[], started=started)

    def like_items(self, item_ids: Sequence[str], *, num_results: int) -> PictureAnswer:
        """Answer for items of the catalogue: what looks like any of them, without themselves.

        Raises:
            ProblemError: the shop has no pictures (503).
        """
        started = time.perf_counter()
        opened = self._open()
        with_picture = set(opened.index.item_ids)
        missing = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in with_picture]
        items = opened.like_items(item_ids, num_results=num_results, allowed=self._allowed(opened.index))
        return self._answer(opened, items, [], missing=missing, started=started)

    def by_text(self, text: str, *, num_results: int) -> PictureAnswer:
        """Answer for a text: items whose pictures show what it says, whatever their titles are.

        Raises:
            ProblemError: the shop has no pictures, or too few with a title to learn from (503).
        """
        started = time.perf_counter()
        opened = self._open()
        if opened.model.text_map is None:
            detail = "Texts find no pictures: the shop has too few pictures with a title to learn it from."
            raise ProblemError(503, detail, code="no_text_map", retry_after=60)
        texts_QT = load_sentence_encoder().encode([text])
        (items,) = opened.index.meant_by(
            texts_QT, opened.model, num_results=num_results, allowed=self._allowed(opened.index)
        )
        return self._answer(opened, items, [], missing=[], started=started)

    def notes(self) -> list[str]:
        """Return what is amiss, for ``/readyz``."""
        failure = self._pictures.failure
        return [] if failure is None else [f"pictures: {failure}"]

    def _allowed(self, index: PictureIndex) -> NDArray[np.bool_]:
        """Return which items can be bought now, shape (N,)."""
        if self._catalogue is None:
            return np.ones(len(index.item_ids), dtype=np.bool_)
        catalogue = self._catalogue()
        places = [catalogue.positions.get(item_id) for item_id in index.item_ids]
        return np.array([place is not None and bool(catalogue.available[place]) for place in places], dtype=np.bool_)

    def _answer(
        self,
        opened: Pictures,
        items: Sequence[Looks],
        suggestions: Sequence[LabelSuggestion],
        *,
        missing: list[str],
        started: float,
    ) -> PictureAnswer:
        notes = self.notes()
        if not items:
            notes.append("no item with a picture can be bought now" if not missing else "no such item has a picture")
        return PictureAnswer(
            model=opened.digest,
            items=[
                {"item_id": one.item_id, "rank": rank, "score": round(one.score, 4)}
                for rank, one in enumerate(items, start=1)
            ],
            suggestions=[
                {
                    "attribute": one.attribute,
                    "value": one.value,
                    "share_of_votes": round(one.share, 4),
                    "item_ids": list(one.item_ids),
                }
                for one in suggestions
            ],
            missing_item_ids=missing,
            notes=notes,
            took_ms=round((time.perf_counter() - started) * 1000, 3),
        )

    def _open(self) -> Pictures:
        """Return what is searched, read anew where it changed.

        Raises:
            ProblemError: there is nothing (503).
        """
        pictures = self._pictures()
        if pictures is None:
            why = self._pictures.failure or "the shop handed over no pictures of its items"
            detail = f"Pictures cannot be searched: {why}. The asset item_pictures makes what is searched."
            raise ProblemError(503, detail, code="no_pictures", retry_after=60)
        return pictures

    def _encoder_of_home(self) -> PictureEncoder:
        """Return what reads an upload, loaded once.

        Raises:
            ProblemError: it is not there (503).
        """
        with self._encoding:
            if self._encoder is None:
                try:
                    self._encoder = load_picture_encoder(self._settings.picture_encoder_path)
                except ShopsightError as error:
                    detail = f"Pictures cannot be read: {error.what}: {error.why}. To fix it, {error.fix}."
                    raise ProblemError(503, detail, code="no_pictures", retry_after=60) from error
            return self._encoder
