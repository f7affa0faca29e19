"""All that is learnt from the pictures of a shop, and how good it is on pictures that were set aside.

Shapes: N pictures, D numbers of the encoder, B colour bins, T numbers of a text.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_mean
from models.pictures.space import PictureSpace, PictureVectors
from models.pictures.split import Split, split_pictures
from models.pictures.text_map import TextMap, TextMapConfig, TextPairs, choose_text_map
from models.pictures.votes import Suggestion, VoteConfig, accuracy_by_choice, best, suggest
from shopsight.whole_files import replaced

MIN_LABELLED: Final = 50
"""Labelled pictures from which a vote is measured; below, nothing is suggested."""
MIN_PAIRS: Final = 200
"""Titles with pictures from which a map is learnt."""
LENGTH: Final = 10
"""Of the list in which a title's own picture is to be."""
MAX_CHOSEN_ON: Final = 1_000
"""Pictures that a choice is made on, and that a figure is measured on."""
LOOKS_COLOUR_WEIGHT: Final = 0.35
"""Share of the colours in "looks like this" where no label says how much they matter."""
PRECISION: Final = 0.8
"""Share of the suggestions on the validation side that are to be right; those below a share of votes are not made."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class LabelVote:
    """How neighbours vote on one label of an item, such as its category."""

    vote: VoteConfig
    min_share: float
    """Share of the votes from which a suggestion is made."""
    accuracy: Estimate
    """Of all votes on pictures that were set aside, with its interval."""
    precision: Estimate | None
    """Of the suggestions among them; None where none was made."""
    coverage: float
    """Share of the pictures for which one was made."""


@dataclass(frozen=True, kw_only=True)
class PictureModel:
    """What was learnt."""

    space: PictureSpace
    looks_colour_weight: float
    """Share of the colours in "looks like this"."""
    votes: Mapping[str, LabelVote]
    """By label; without those of which too few pictures have one."""
    text_map: TextMap | None
    """None where there are too few titles with pictures."""
    recall_at_10: Estimate | None
    """Share of set-aside titles with their own picture among the ten of highest score; None without a map."""

    def save(self, path: Path) -> str:
        """Write the model as one file without code in it, and return its digest, by which vectors name it."""
        arrays = {f"space.{name}": values for name, values in self.space.arrays().items()}
        if self.text_map is not None:
            arrays |= {f"text_map.{name}": values for name, values in self.text_map.arrays().items()}
        papers = {
            "looks_colour_weight": self.looks_colour_weight,
            "votes": {name: asdict(vote) for name, vote in self.votes.items()},
            "recall_at_10": None if self.recall_at_10 is None else asdict(self.recall_at_10),
        }
        with replaced(path) as staging, staging.open("wb") as file:
            np.savez(file, papers=np.array(json.dumps(papers)), **arrays)  # type: ignore[arg-type]
        return model_digest(path)

    @classmethod
    def load(cls, path: Path) -> "PictureModel":
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            papers = json.loads(str(file["papers"]))
            parts = {
                part: {name.removeprefix(f"{part}."): file[name] for name in file.files if name.startswith(f"{part}.")}
                for part in ("space", "text_map")
            }
        recall = papers["recall_at_10"]
        return cls(
            space=PictureSpace.from_arrays(parts["space"]),
            looks_colour_weight=papers["looks_colour_weight"],
            votes={name: _read_vote(vote) for name, vote in papers["votes"].items()},
            text_map=TextMap.from_arrays(parts["text_map"]) if parts["text_map"] else None,
            recall_at_10=None if recall is None else Estimate(**recall),
        )


def model_digest(path: Path) -> str:
    """Return what vectors name the model by that they were made with."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def fit_pictures(
    digests: Sequence[str],
    encoded_ND: Floats,
    colours_NB: Floats,
    *,
    labels: Mapping[str, Sequence[str | None]],
    texts_NT: Floats,
    seed: int,
) -> PictureModel:
    """Learn from the pictures of a shop: choose on a validation side, measure on a test side, then fit on all.

    Args:
        digests: of the pixels; exact repeats stay on one side.
        encoded_ND: the encoder's vectors.
        colours_NB: the colour histograms.
        labels: by name, that of each picture; None where it has none.
        texts_NT: vectors of the titles; a row of zeros where there is no title.
        seed: of the split and of the intervals.

    Raises:
        ValueError: there are fewer than two pictures.
    """
    sides = split_pictures(digests, seed=seed)
    split = Split(sides.train, sides.validation[:MAX_CHOSEN_ON], sides.test[:MAX_CHOSEN_ON])
    # Axes look at no label, but the pictures that a figure is measured on have no part in them either.
    first = PictureSpace.fit(encoded_ND[split.train] if len(split.train) > 1 else encoded_ND, seed=seed)
    pictures = PictureVectors(shows_NK=first.project(encoded_ND), colours_NB=colours_NB)
    votes = {name: vote for name, of in labels.items() if (vote := _label_vote(pictures, of, split, seed)) is not None}
    learnt = _text_config(texts_NT, pictures, digests, split, seed)
    space = PictureSpace.fit(encoded_ND, seed=seed)
    with_text = np.flatnonzero(texts_NT.any(axis=1))
    whole = PictureVectors(shows_NK=space.project(encoded_ND), colours_NB=colours_NB).take(with_text)
    return PictureModel(
        space=space,
        looks_colour_weight=_looks_colour_weight(pictures, list(labels.values()), split),
        votes=votes,
        text_map=None if learnt is None else TextMap.fit(texts_NT[with_text], whole, learnt[0]),
        recall_at_10=None if learnt is None else learnt[1],
    )


def _sides(labels: Sequence[str | None], split: Split) -> tuple[Split, NDArray[np.object_]] | None:
    """Return the split of the pictures that have a label, and all labels; None where too few have one."""
    labels_N = np.asarray(labels, dtype=object)
    has_N = np.array([label is not None for label in labels], dtype=np.bool_)
    sides = Split(*(side[has_N[side]] for side in split))
    return None if has_N.sum() < MIN_LABELLED or min(map(len, sides)) == 0 else (sides, labels_N)


def _label_vote(pictures: PictureVectors, labels: Sequence[str | None], split: Split, seed: int) -> LabelVote | None:
    """Return how neighbours vote on a label, and how often they are right."""
    labelled = _sides(labels, split)
    if labelled is None:
        return None
    (train, validation, test), labels_N = labelled
    neighbours, theirs = pictures.take(train), labels_N[train].tolist()
    vote = best(accuracy_by_choice(pictures.take(validation), neighbours, labels_N[validation].tolist(), theirs))

    def voted(side: NDArray[np.intp]) -> tuple[list[Suggestion], NDArray[np.bool_]]:
        similarities = pictures.take(side).similarities(neighbours, colour_weight=vote.colour_weight)
        suggestions = suggest(similarities, theirs, neighbours=vote.neighbours)
        return suggestions, np.array([one.label == true for one, true in zip(suggestions, labels_N[side], strict=True)])

    min_share = _min_share(*voted(validation))
    suggestions, right = voted(test)
    made = np.array([one.share >= min_share for one in suggestions])
    return LabelVote(
        vote=vote,
        min_share=min_share,
        accuracy=bootstrap_mean(right.astype(np.float64), seed=seed),
        precision=bootstrap_mean(right[made].astype(np.float64), seed=seed) if made.any() else None,
        coverage=float(made.mean()),
    )


def _min_share(suggestions: Sequence[Suggestion], right: NDArray[np.bool_]) -> float:
    """Return the smallest share of votes above which suggestions are right often enough; above 1 where none is."""
    shares = np.array([one.share for one in suggestions])
    order = np.argsort(-shares, kind="stable")
    precise = np.asarray(np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= PRECISION)
    last_of_its_share = np.append(np.diff(shares[order]) < 0, True)  # equal shares are suggested together or not at all
    good = np.flatnonzero(precise & last_of_its_share)
    return float(shares[order][good[-1]]) if len(good) else 1.01


def _looks_colour_weight(pictures: PictureVectors, labels: Sequence[Sequence[str | None]], split: Split) -> float:
    """Return the weight by which the nearest picture agrees in all labels most often."""
    joined = [None if None in row else " | ".join(map(str, row)) for row in zip(*labels, strict=True)]
    labelled = _sides(joined, split) if len(labels) > 1 else None
    if labelled is None:
        return LOOKS_COLOUR_WEIGHT
    (train, validation, _), labels_N = labelled
    sides = pictures.take(validation), pictures.take(train)
    right = accuracy_by_choice(*sides, labels_N[validation].tolist(), labels_N[train].tolist(), neighbours=(1,))
    return best(right).colour_weight


def _text_config(
    texts_NT: Floats, pictures: PictureVectors, digests: Sequence[str], split: Split, seed: int
) -> tuple[TextMapConfig, Estimate] | None:
    """Return how the map from texts is learnt, and how many titles find their picture; None of too few pairs."""
    has_N = np.asarray(texts_NT.any(axis=1), dtype=np.bool_)
    sides = Split(*(side[has_N[side]] for side in split))
    if has_N.sum() < MIN_PAIRS or min(map(len, sides)) == 0:
        return None
    train = texts_NT[sides.train], pictures.take(sides.train)
    validation, test = (
        TextPairs.of(texts_NT[side], pictures.take(side), [digests[place] for place in side])
        for side in (sides.validation, sides.test)
    )
    config = choose_text_map(train, validation)
    is_there = test.ranks(TextMap.fit(*train, config)) <= LENGTH
    return config, bootstrap_mean(is_there.astype(np.float64), seed=seed)


def _read_vote(papers: Mapping[str, Any]) -> LabelVote:
    precision = papers["precision"]
    return LabelVote(
        vote=VoteConfig(**papers["vote"]),
        min_share=papers["min_share"],
        accuracy=Estimate(**papers["accuracy"]),
        precision=None if precision is None else Estimate(**precision),
        coverage=papers["coverage"],
    )
