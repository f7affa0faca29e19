"""The pictures of a home, as vectors: read when they change, and absent while there are none."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.pictures.fit import PictureModel, model_digest
from models.pictures.index import Looks, PictureIndex
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_at
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

EMBEDDINGS: Final = "item_picture_embeddings"
LOOK_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of one moment."""

    model: PictureModel
    digest: str
    """Of the model."""
    index: PictureIndex

    def like_items(
        self, item_ids: Sequence[str], *, num_results: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[Looks]:
        """Return what looks like any of some items, without themselves, best first; nothing where none has a picture.

        Args:
            item_ids: of the items.
            num_results: at most so many.
            allowed: which items of the index may be returned, shape (N,); all where omitted.
        """
        place_of = {item_id: place for place, item_id in enumerate(self.index.item_ids)}
        places = [place_of[item_id] for item_id in dict.fromkeys(item_ids) if item_id in place_of]
        if not places:
            return []
        may = np.ones(len(self.index.item_ids), dtype=np.bool_) if allowed is None else allowed.copy()
        may[places] = False
        lists = self.index.similar(self.index.vectors.take(places), self.model, num_results=num_results, allowed=may)
        best: dict[str, float] = {}
        for one in (one for looks in lists for one in looks):
            best[one.item_id] = max(one.score, best.get(one.item_id, -1.0))
        order = sorted(best, key=lambda item_id: (-best[item_id], item_id))[:num_results]
        return [Looks(item_id=item_id, score=best[item_id]) for item_id in order]


class HomePictures:
    """Reads the pictures; safe to call from several threads."""

    def __init__(self, settings: Settings, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        """Make it; files are read by the first question.

        Args:
            settings: of the home.
            seconds_now: a clock that nobody sets.
        """
        self._settings = settings
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._seen: tuple[FileVersion | None, FileVersion | None] = (None, None)
        self._pictures: Pictures | None = None
        self.failure: str | None = None
        """Why pictures as they are now are not in use; None while they are, and where there are none."""

    def __call__(self) -> Pictures | None:
        """Return the pictures as they are now, or as they were last read; None where there were never any."""
        with self._lock:
            if self._seconds_now() >= self._look_again:
                self._look_again = self._seconds_now() + LOOK_AGAIN_SECONDS
                self._look()
            return self._pictures

    def _look(self) -> None:
        export, model_path = export_path(self._settings, EMBEDDINGS), self._settings.picture_model_path
        seen = version_of(export), version_of(model_path)
        if seen == self._seen or None in seen:
            return
        try:
            model, digest = PictureModel.load(model_path), model_digest(model_path)
            index = PictureIndex.of(mart_at(export).read(), digest)
        except (OSError, ValueError, KeyError) as error:
            self.failure = f"they cannot be read: {error}"
        except ShopsightError as error:
            self.failure = f"{error.what}: {error.why}"
        else:
            self._pictures = Pictures(model=model, digest=digest, index=index)
            self._seen, self.failure = seen, None
