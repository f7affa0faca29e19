"""How well the tone of reviews is told, against their stars.

    python -m benchmarks.tone --reviews All_Beauty_5.json --json -

Reads Amazon's review files (a JSON object per line: ``reviewerID``, ``overall``, ``reviewText``, ``summary``). Three
stars are left out; summary and text are read as one. Folds are of shoppers, and penalty and calibration are chosen
inside the training side. Public files repeat the same review under several items: ``each_text_once`` judges every
distinct text once, ``every_review`` every row, by the same models, which never saw a text that they are judged on.
VADER stands beside it where the package ``vaderSentiment`` is installed. Intervals are over shoppers.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import Estimate
from models.evaluation.probability import roc_auc
from models.intent.tone import word_list_share
from models.intent.tone_training import Reviews, cross_validated, figures
from models.text.normalise import normalise, skeleton
from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]


def read_reviews(path: Path) -> tuple[list[str], list[float], list[str]]:
    """Return texts, stars and shoppers.

    Raises:
        ShopsightError: the file cannot be read; the line is named.
    """
    texts, stars, shoppers = [], [], []
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                number += 1
                row = json.loads(line)
                texts.append(". ".join(part for part in (row.get("summary"), row.get("reviewText")) if part))
                stars.append(float(row["overall"]))
                shoppers.append(str(row["reviewerID"]))
    except OSError as error:
        raise ShopsightError(f"cannot read {path}", why=str(error), fix="give a file of Amazon reviews") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ShopsightError(
            f"line {number} of {path} is no review", why=repr(error), fix="give one JSON object per line"
        ) from error
    return texts, stars, shoppers


def measure(path: Path, *, seeds: Sequence[int], resamples: int) -> dict[str, Any]:
    """Return the figures of both ways of counting, means over the seeds."""
    texts, stars, shoppers = read_reviews(path)
    once = Reviews.of(texts, stars, shoppers)
    if once.too_few:
        raise ShopsightError(f"nothing can be learnt from {path}", why=once.too_few, fix="give a longer file")
    began = time.process_time()
    log_odds = []
    for seed in seeds:
        log_odds.append(cross_validated(once, seed=seed))
        print(f"seed {seed} done", file=sys.stderr)
    baselines = {"word_list": _scores(once.texts, word_list_share)}
    vader = _vader()
    if vader is not None:
        baselines["vader"] = _scores(once.texts, vader)
    rows, every = _every_review(once, texts, stars, shoppers)
    sure = {"seed": 1, "resamples": resamples}
    return {
        "benchmark": "tone",
        "protocol": f"folds of shoppers, seeds {list(seeds)} (means of their figures), three stars left out",
        "baselines": "word_list" + (", vader" if vader else "; vaderSentiment is not installed"),
        "each_text_once": _as_json(once, figures(once, log_odds, baselines, **sure)),
        "every_review": _as_json(
            every,
            figures(
                every,
                [one[rows] for one in log_odds],
                {name: scores[rows] for name, scores in baselines.items()},
                **sure,
            ),
        ),
        "per_seed_roc_auc": [round(roc_auc(once.praises, one), 4) for one in log_odds],
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _every_review(
    once: Reviews, texts: Sequence[str], stars: Sequence[float], shoppers: Sequence[str]
) -> tuple[NDArray[np.intp], Reviews]:
    """Return, for every row with a verdict, the place of its text in ``once``; and the rows themselves."""
    place = {skeleton(text): number for number, text in enumerate(once.texts)}
    reviews = [
        (place[skeleton(normalise(text))], star > 3, shopper)
        for text, star, shopper in zip(texts, stars, shoppers, strict=True)
        if round(star) != 3 and normalise(text)
    ]
    names = {shopper: number for number, shopper in enumerate(dict.fromkeys(row[2] for row in reviews))}
    return np.array([row[0] for row in reviews], dtype=np.intp), Reviews(
        texts=[once.texts[row[0]] for row in reviews],
        praises=np.array([row[1] for row in reviews], dtype=np.bool_),
        shoppers=np.array([names[row[2]] for row in reviews], dtype=np.intp),
    )


def _scores(texts: Sequence[str], score: Any) -> Floats:
    return np.array([float(score(text)) for text in texts])


def _vader() -> Any:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        return None
    analyser = SentimentIntensityAnalyzer()
    return lambda text: analyser.polarity_scores(text)["compound"]


def _as_json(reviews: Reviews, estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {
        "reviews": len(reviews),
        "complaints": int((~reviews.praises).sum()),
        "roc_auc": round(estimates["tone roc_auc"].value, 4),
        "ece": round(estimates["tone ece"].value, 4),
        "figures": {
            name: [round(one.value, 4), round(one.low, 4), round(one.high, 4)] for name, one in estimates.items()
        },
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=Path, required=True, help="a file of Amazon reviews, a JSON object per line")
    parser.add_argument("--seeds", default="1,2,3", help="one set of folds per seed, comma-separated")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        seeds = [int(seed) for seed in arguments.seeds.split(",")]
        result = measure(arguments.reviews, seeds=seeds, resamples=arguments.resamples)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
