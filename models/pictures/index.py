"""The pictures of a shop's items, as a table and as what is searched: what looks like this, and what is this?

Shapes: N items, Q pictures or texts asked about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation.ranking import top_items
from models.pictures.fit import PictureModel
from models.pictures.space import PictureVectors
from models.pictures.votes import suggest
from shopsight.errors import ShopsightError

MODEL: Final = "model"
"""Column of the table: the digest of the model that made the vectors."""
EVIDENCE: Final = 5
"""Neighbours that a suggestion names."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Looks:
    """An item that looks like what was asked about."""

    item_id: str
    score: float
    """Similarity, at most 1."""


@dataclass(frozen=True, kw_only=True)
class LabelSuggestion:
    """What a picture probably shows."""

    attribute: str
    value: str
    share: float
    """Of the neighbours' votes, 0 to 1."""
    item_ids: Sequence[str]
    """The neighbours that say so, nearest first."""


@dataclass(frozen=True, kw_only=True)
class PictureIndex:
    """Items with pictures; all sequences have length N."""

    item_ids: Sequence[str]
    vectors: PictureVectors
    labels: Mapping[str, Sequence[str | None]]
    """By attribute: ``category``, ``colour``."""
    digests: Sequence[str]
    """Of the pictures' pixels, by which their thumbnails are named."""

    def __post_init__(self) -> None:
        if {len(self.vectors), len(self.digests), *map(len, self.labels.values())} != {len(self.item_ids)}:
            raise ValueError("ids, vectors and labels must be of the same items")

    def table(self, digest: str) -> pa.Table:
        """Return the index as a table, which names the model by its digest."""
        columns: dict[str, Any] = {"item_id": pa.array(self.item_ids, pa.string())}
        columns |= {name: pa.array(values, pa.string()) for name, values in self.labels.items()}
        columns["shows"] = _lists(self.vectors.shows_NK)
        columns["colours"] = _lists(self.vectors.colours_NB)
        columns["digest"] = pa.array(self.digests, pa.string())
        columns[MODEL] = pa.array([digest] * len(self.item_ids), pa.string())
        return pa.table(columns)

    @classmethod
    def of(cls, table: pa.Table, digest: str) -> "PictureIndex":
        """Read what :meth:`table` made.

        Raises:
            ShopsightError: its vectors are another model's, with which nothing here can be compared, or there are none.
        """
        made_by = sorted(set(table[MODEL].to_pylist()))
        if made_by != [digest]:
            raise ShopsightError(
                "the vectors of the pictures are another model's",
                why=f"they name {', '.join(made_by) or 'none'}, and the model is {digest}",
                fix="materialise the asset item_pictures",
            )
        vectors = picture_vectors(table)
        labels = {name: table[name].to_pylist() for name in table.column_names if name not in _OWN}
        item_ids, digests = table["item_id"].to_pylist(), table["digest"].to_pylist()
        return cls(item_ids=item_ids, vectors=vectors, labels=labels, digests=digests)

    def similar(
        self,
        asked: PictureVectors,
        model: PictureModel,
        *,
        num_results: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[list[Looks]]:
        """Return the items that look most like each of Q pictures, best first.

        Args:
            asked: the pictures.
            model: says how much their colours count.
            num_results: at most so many for each.
            allowed: which items may be returned, shape (N,); all where omitted.
        """
        scores_QN = asked.similarities(self.vectors, colour_weight=model.looks_colour_weight)
        return [self._best(row_N, num_results, allowed) for row_N in scores_QN]

    def meant_by(
        self,
        texts_QT: Floats,
        model: PictureModel,
        *,
        num_results: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[list[Looks]]:
        """Return the items whose pictures each of Q texts means, best first; nothing where no map was learnt."""
        if model.text_map is None:
            return [[] for _ in texts_QT]
        scores_QN = model.text_map.scores(texts_QT, self.vectors)
        return [self._best(row_N, num_results, allowed) for row_N in scores_QN]

    def _best(self, scores_N: Floats, length: int, allowed: NDArray[np.bool_] | None) -> list[Looks]:
        masked = np.zeros(len(scores_N), dtype=np.bool_) if allowed is None else ~allowed
        places = top_items(scores_N, length=length, masked=masked)
        return [Looks(item_id=self.item_ids[place], score=float(scores_N[place])) for place in places]

    def suggestions(self, asked: PictureVectors, model: PictureModel) -> list[list[LabelSuggestion]]:
        """Return what each of Q pictures probably shows; an attribute of which the votes are too few is left out."""
        answers: list[list[LabelSuggestion]] = [[] for _ in range(len(asked))]
        for attribute, how in model.votes.items():
            labelled = [place for place, label in enumerate(self.labels.get(attribute, ())) if label is not None]
            if not labelled:
                continue
            similarities = asked.similarities(self.vectors.take(labelled), colour_weight=how.vote.colour_weight)
            theirs = [str(self.labels[attribute][place]) for place in labelled]
            voted = suggest(similarities, theirs, neighbours=how.vote.neighbours)
            for answer, one in zip(answers, voted, strict=True):
                if one.share >= how.min_share:
                    names = [self.item_ids[labelled[place]] for place in one.evidence[:EVIDENCE]]
                    answer.append(
                        LabelSuggestion(attribute=attribute, value=one.label, share=one.share, item_ids=names)
                    )
        return answers


def picture_vectors(table: pa.Table) -> PictureVectors:
    """Return the vectors of a table as :meth:`PictureIndex.table` makes it, whichever model made them."""
    return PictureVectors(shows_NK=rows_of(table["shows"]), colours_NB=rows_of(table["colours"]))


_OWN: Final = ("item_id", "shows", "colours", "digest", MODEL)


def _lists(rows: Floats) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def rows_of(column: pa.ChunkedArray) -> Floats:
    """Return lists of one length, fixed or not, as rows."""
    values = np.concatenate([chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks])
    return np.asarray(values.reshape(len(column), -1), dtype=np.float32)
