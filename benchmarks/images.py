"""What pictures tell of goods: their kind, their colour, and which picture a title means.

    python -m benchmarks.images --images images.tar --meta meta.csv.gz --json -

Reads a tar of pictures, named by their ids, and a CSV(.gz) with the columns ``id, articleType, baseColour,
productDisplayName``. Splits 60/20/20 for each seed, exact repeats on one side. What is chosen (the share of the
colours, how many neighbours vote, the penalty of the map from texts) is chosen on the validation side; the test side is
judged once, with the pictures of both other sides as neighbours and pairs. ``article_type`` is whether the one nearest
picture is of the same type; ``colour`` and ``article_type_vote`` are the suggestions that the service makes.
``recall@10``: of the titles of the test side, how many have their own picture among the ten that score highest of the
test side. Figures are means over the seeds; intervals resample pictures.
"""

import argparse
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import bootstrap_clusters
from models.pictures.encoder import WHOLE, export_encoder, load_picture_encoder
from models.pictures.reading import MAX_BYTES, Picture, PictureError, read_picture
from models.pictures.space import PictureSpace, PictureVectors, encoded
from models.pictures.split import split_pictures
from models.pictures.text_map import TextMap, TextPairs, choose_text_map, joint, ranks_of
from models.pictures.votes import NEIGHBOURS, VoteConfig, accuracy_by_choice, best, suggest
from models.text.sentences import load_sentence_encoder
from shopsight.errors import ShopsightError

COLUMNS: Final = ("articleType", "baseColour", "productDisplayName")
LENGTH: Final = 10
Floats = NDArray[np.float32]
Rows = dict[str, NDArray[np.float64]]
"""By figure: 1 where it was right of a picture, 0 where not; or a chance."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """All pictures with what is said of them, in one order."""

    digests: Sequence[str]
    encoded_ND: Floats
    colours_NB: Floats
    texts_NT: Floats
    types: NDArray[np.str_]
    base_colours: NDArray[np.str_]

    def vectors(self, space: PictureSpace, places: NDArray[np.intp]) -> PictureVectors:
        """Return the pictures at ``places`` as the product compares them."""
        return PictureVectors(shows_NK=space.project(self.encoded_ND[places]), colours_NB=self.colours_NB[places])

    def pairs(self, pictures: PictureVectors, places: NDArray[np.intp]) -> TextPairs:
        """Return the titles at ``places`` with their pictures."""
        return TextPairs.of(self.texts_NT[places], pictures, [self.digests[place] for place in places])


def read_data(images: Path, meta: Path, *, threads: int) -> Data:
    """Return the pictures that both files have.

    Raises:
        ShopsightError: a file cannot be read, lacks a column, or the two have no picture in common.
    """
    try:
        table = pd.read_csv(meta, dtype=str, keep_default_na=False).drop_duplicates("id").set_index("id")
        table = table[list(COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise ShopsightError(
            f"cannot read {meta}", why=str(error), fix=f"give a CSV with id, {', '.join(COLUMNS)}"
        ) from error
    pictures, unreadable = _read_pictures(images, frozenset(table.index))
    for name, problem in unreadable.items():
        print(f"left out {name}: {problem.what}, {problem.why}", file=sys.stderr)
    if not pictures:
        raise ShopsightError("there are no pictures", why=f"none in {images} is in {meta}", fix="give files that match")
    rows = table.loc[list(pictures)]
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_picture_encoder(export_encoder(Path(folder) / "encoder.onnx"), threads=threads)
        encoded_ND, colours_NB = encoded(encoder, list(pictures.values()))
    return Data(
        digests=[picture.digest for picture in pictures.values()],
        encoded_ND=encoded_ND,
        colours_NB=colours_NB,
        texts_NT=load_sentence_encoder(threads=threads).encode(rows["productDisplayName"].tolist()),
        types=rows["articleType"].to_numpy(dtype=str),
        base_colours=rows["baseColour"].to_numpy(dtype=str),
    )


def _read_pictures(images: Path, ids: frozenset[str]) -> tuple[dict[str, Picture], dict[str, PictureError]]:
    pictures: dict[str, Picture] = {}
    unreadable: dict[str, PictureError] = {}
    try:
        with tarfile.open(images) as archive:
            for member in archive:
                name = Path(member.name).stem
                file = archive.extractfile(member) if member.isfile() and name in ids else None
                if file is None:
                    continue
                try:
                    pictures[name] = read_picture(file.read(MAX_BYTES + 1))
                except PictureError as error:
                    unreadable[member.name] = error
    except (OSError, tarfile.TarError) as error:
        raise ShopsightError(f"cannot read {images}", why=str(error), fix="give a tar of pictures") from error
    return pictures, unreadable


def measure(data: Data, *, seeds: Sequence[int], resamples: int) -> dict[str, Any]:
    """Return the figures, their intervals, the baselines and what was chosen, for each seed."""
    rows: dict[str, list[NDArray[np.float64]]] = {}
    clusters, choices = [], []
    _, group_N = np.unique(data.digests, return_inverse=True)
    for seed in seeds:
        places, right, chosen = _one_split(data, seed)
        clusters.append(group_N[places])
        choices.append({"seed": seed, **chosen, **{name: round(float(one.mean()), 4) for name, one in right.items()}})
        for name, values in right.items():
            rows.setdefault(name, []).append(values)
        print(f"seed {seed} done", file=sys.stderr)
    pooled = {name: np.concatenate(values) for name, values in rows.items()}
    return {
        "benchmark": "images",
        "protocol": f"60/20/20 with exact repeats on one side, seeds {list(seeds)}, all chosen on validation",
        "pictures": len(data.digests),
        "distinct_pictures": int(group_N.max()) + 1,
        "test_pictures": [len(one) for one in clusters],
        **_figures(pooled, np.concatenate(clusters), resamples=resamples),
        "per_seed": choices,
    }


def _one_split(data: Data, seed: int) -> tuple[NDArray[np.intp], Rows, dict[str, Any]]:
    """Return the places of the test side, what was right of it, and what was chosen."""
    split = split_pictures(data.digests, seed=seed)
    first = PictureSpace.fit(data.encoded_ND[split.train], seed=seed)
    train, validation = data.vectors(first, split.train), data.vectors(first, split.validation)
    votes: dict[str, VoteConfig] = {}
    for name, labels, neighbours in (
        ("article_type", data.types, (1,)),
        ("article_type_vote", data.types, NEIGHBOURS),
        ("colour", data.base_colours, NEIGHBOURS),
    ):
        sides = (labels[split.validation].tolist(), labels[split.train].tolist())
        votes[name] = best(accuracy_by_choice(validation, train, *sides, neighbours=neighbours))
    pairs = data.pairs(validation, split.validation)
    text_config = choose_text_map((data.texts_NT[split.train], train), pairs, length=LENGTH)
    # The test side: with all that is not of it to learn from.
    past = np.concatenate([split.train, split.validation])
    space = PictureSpace.fit(data.encoded_ND[past], seed=seed)
    known_pictures, test = data.vectors(space, past), data.vectors(space, split.test)
    labels_of = {"article_type": data.types, "article_type_vote": data.types, "colour": data.base_colours}
    right = {
        name: _right(test.similarities(known_pictures, colour_weight=vote.colour_weight), labels_of[name], past,
                     split.test, vote.neighbours)
        for name, vote in votes.items()
    }  # fmt: skip
    text_map = TextMap.fit(data.texts_NT[past], known_pictures, text_config)
    pairs = data.pairs(test, split.test)
    right["recall@10"] = _among(text_map.scores(pairs.texts_NT, pairs.pictures), pairs)
    right |= _baselines(data, past, split.test, known_pictures, test) | _text_baselines(
        data, past, known_pictures, pairs, text_config.colour_weight
    )
    return split.test, right, {"votes": {name: vars(vote) for name, vote in votes.items()}, "text": vars(text_config)}


def _baselines(
    data: Data,
    past: NDArray[np.intp],
    asked: NDArray[np.intp],
    known_pictures: PictureVectors,
    test: PictureVectors,
) -> Rows:
    """Return what was right by simpler means; a name is ``baseline figure``."""
    whole_ND = data.encoded_ND[:, :WHOLE]
    plain_QN = whole_ND[asked] @ whole_ND[past].T
    colours_QN = test.colours_NB @ known_pictures.colours_NB.T
    rows: Rows = {}
    for figure, labels in (("article_type", data.types), ("colour", data.base_colours)):
        majority = Counter(labels[past].tolist()).most_common(1)[0][0]
        rows[f"plain_features {figure}"] = _right(plain_QN, labels, past, asked, 1)
        rows[f"colour_histogram {figure}"] = _right(colours_QN, labels, past, asked, 1)
        rows[f"majority {figure}"] = (labels[asked] == majority).astype(np.float64)
    return rows


def _text_baselines(
    data: Data, past: NDArray[np.intp], known_pictures: PictureVectors, pairs: TextPairs, colour_weight: float
) -> Rows:
    """Return which titles find their picture without a map: by the picture of the most similar title, and by chance."""
    nearest = (pairs.texts_NT @ data.texts_NT[past].T).argmax(axis=1)
    by_title_QN = joint(known_pictures, colour_weight)[nearest] @ joint(pairs.pictures, colour_weight).T
    chance = min(1.0, LENGTH / len(pairs.pictures))
    return {
        "nearest_title recall@10": _among(by_title_QN, pairs),
        "random recall@10": np.full(len(pairs.texts_NT), chance),
    }


def _right(
    similarities_QN: Floats,
    labels: NDArray[np.str_],
    past: NDArray[np.intp],
    asked: NDArray[np.intp],
    neighbours: int,
) -> NDArray[np.float64]:
    suggestions = suggest(similarities_QN, labels[past].tolist(), neighbours=neighbours)
    return np.array([one.label == true for one, true in zip(suggestions, labels[asked], strict=True)], dtype=np.float64)


def _among(scores_QN: Floats, pairs: TextPairs) -> NDArray[np.float64]:
    return (ranks_of(scores_QN, pairs.own_N) <= LENGTH).astype(np.float64)


def _figures(rows: Mapping[str, NDArray[np.float64]], clusters: NDArray[np.intp], *, resamples: int) -> dict[str, Any]:
    """Return figures and baselines with intervals, and what the figures are ahead of the baselines by."""
    gains = {
        "article_type over plain_features": ("article_type", "plain_features article_type"),
        "colour over colour_histogram": ("colour", "colour_histogram colour"),
        "recall@10 over nearest_title": ("recall@10", "nearest_title recall@10"),
    }
    columns = dict(rows) | {name: rows[one] - rows[other] for name, (one, other) in gains.items()}

    def means(weights: NDArray[np.float64]) -> dict[str, float]:
        total = weights.sum()
        return {name: float(weights @ values / total) for name, values in columns.items()}

    estimates = bootstrap_clusters(
        means, weights=np.ones(len(clusters)), clusters=clusters, seed=1, resamples=resamples
    )
    own = [name for name in rows if " " not in name]
    ends = {name: [round(one.low, 4), round(one.high, 4)] for name, one in estimates.items()}
    baselines: dict[str, dict[str, list[float]]] = {}
    for name in rows:
        if " " in name:
            baseline, figure = name.split(" ")
            baselines.setdefault(baseline, {})[figure] = [round(estimates[name].value, 4), *ends[name]]
    return {
        **{name: round(estimates[name].value, 4) for name in own},
        "intervals": {name: ends[name] for name in own},
        "baselines": baselines,
        "gains": {name: [round(estimates[name].value, 4), *ends[name]] for name in gains},
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="a tar of pictures, each named by its id")
    parser.add_argument("--meta", type=Path, required=True, help="a CSV(.gz) of what they show")
    parser.add_argument("--seeds", default="1,2,3,4,5", help="one split per seed, comma-separated")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples behind each interval")
    parser.add_argument("--threads", type=int, default=1, help="that the encoders may take")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        seeds = [int(seed) for seed in arguments.seeds.split(",")]
        data = read_data(arguments.images, arguments.meta, threads=arguments.threads)
        result = measure(data, seeds=seeds, resamples=arguments.resamples)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
