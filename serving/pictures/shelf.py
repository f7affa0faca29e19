"""The pictures of a home as a service searches them: read when they change, and absent while there are none."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.pictures.encoder import PictureEncoder, load_picture_encoder
from models.pictures.fit import PictureModel, model_digest
from models.pictures.index import LabelSuggestion, Looks, PictureIndex
from models.pictures.reading import PictureError, read_picture
from models.text.sentences import load_sentence_encoder
from serving.http.problems import ProblemError
from serving.pictures.schemas import PictureAnswer
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_at
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

EMBEDDINGS: Final = "item_picture_embeddings"
LOOK_AGAIN_SECONDS: Final = 5.0
STATUS: Final = {"too_large": 413, "too_many_pixels": 413, "unsupported_format": 415, "animated": 415}
"""Of what is wrong with a picture; 422 of all else."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    model: PictureModel
    digest: str
    index: PictureIndex
    encoder: PictureEncoder


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
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._seen: tuple[FileVersion | None, FileVersion | None] = (None, None)
        self._opened: _Opened | None = None
        self.failure: str | None = None
        """Why pictures as they are now are not in use; None while they are, and where there are none."""

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
        vectors = opened.model.space.vectors(opened.encoder, [picture])
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
        place_of = {item_id: place for place, item_id in enumerate(opened.index.item_ids)}
        places = [place_of[item_id] for item_id in dict.fromkeys(item_ids) if item_id in place_of]
        missing = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in place_of]
        allowed = self._allowed(opened.index)
        allowed[places] = False
        best: dict[str, float] = {}
        lists = opened.index.similar(
            opened.index.vectors.take(places), opened.model, num_results=num_results, allowed=allowed
        )
        for one in (one for looks in lists for one in looks):
            best[one.item_id] = max(one.score, best.get(one.item_id, -1.0))
        order = sorted(best, key=lambda item_id: (-best[item_id], item_id))[:num_results]
        items = [Looks(item_id=item_id, score=best[item_id]) for item_id in order]
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
        return [] if self.failure is None else [f"pictures: {self.failure}"]

    def _allowed(self, index: PictureIndex) -> NDArray[np.bool_]:
        """Return which items can be bought now, shape (N,)."""
        if self._catalogue is None:
            return np.ones(len(index.item_ids), dtype=np.bool_)
        catalogue = self._catalogue()
        places = [catalogue.positions.get(item_id) for item_id in index.item_ids]
        return np.array([place is not None and bool(catalogue.available[place]) for place in places], dtype=np.bool_)

    def _answer(
        self,
        opened: _Opened,
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

    def _open(self) -> _Opened:
        """Return what is searched, read anew where it changed.

        Raises:
            ProblemError: there is nothing (503).
        """
        with self._lock:
            if self._seconds_now() >= self._look_again:
                self._look_again = self._seconds_now() + LOOK_AGAIN_SECONDS
                self._look()
            if self._opened is None:
                why = self.failure or "the shop handed over no pictures of its items"
                detail = f"Pictures cannot be searched: {why}. The asset item_pictures makes what is searched."
                raise ProblemError(503, detail, code="no_pictures", retry_after=60)
            return self._opened

    def _look(self) -> None:
        export, model_path = export_path(self._settings, EMBEDDINGS), self._settings.picture_model_path
        seen = version_of(export), version_of(model_path)
        if seen == self._seen or None in seen:
            return
        try:
            model, digest = PictureModel.load(model_path), model_digest(model_path)
            index = PictureIndex.of(mart_at(export).read(), digest)
            encoder = load_picture_encoder(self._settings.picture_encoder_path)
        except (OSError, ValueError, KeyError) as error:
            self.failure = f"they cannot be read: {error}"
        except ShopsightError as error:
            self.failure = f"{error.what}: {error.why}"
        else:
            self._opened = _Opened(model=model, digest=digest, index=index, encoder=encoder)
            self._seen, self.failure = seen, None
