"""Answers to questions from reviews, or abstaining, beside the words that people marked.

    python -m benchmarks.review_answers --data electronics_train.csv.gz electronics_dev.csv.gz --json -

Files are in SubjQA's layout. What several people made of one question is put together, as SQuAD 2.0 does: a question
has an answer where one of them marked one, and an answer's F1 is that of the marked one it is most like; abstaining
counts 1 where nobody marked any and 0 otherwise. SubjQA's files share questions (249 of the 255 of its electronics' dev
file are in the train file too, marked by another person), so items are dealt into folds, whichever file they are in,
and each question is answered with weights that were learnt without its item, by the function that
`shopsight answers learn` calls. Thresholds, those of the baselines too, are chosen on the other folds. Where the files
hold several domains, each is answered with what the others teach, too; and with the weights that come with shopsight,
unless these were learnt from the same questions.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.output import add_json_option, write_figures
from benchmarks.review_answers.contenders import across_domains, answered_in_folds, baselines, come_with_shopsight
from benchmarks.review_answers.figures import figures, gains
from models.answers.predict import Reader
from models.answers.train import read
from models.text.sentences import DEFAULT, load_sentence_encoder
from shopsight.errors import ShopsightError
from shopsight.marked_answers import read_marked_answers

FOLDS: Final = 5
PROTOCOL: Final = (
    "items in five folds, each question answered with weights and a threshold learnt on the other folds; word F1 of "
    "SQuAD 2.0, the best of the people's answers, abstaining counted; AUROC of the confidence for questions of which "
    "somebody marked an answer; 1,000 bootstrap resamples over items"
)


def measure(files: Sequence[Path], *, seed: int, encoder: str) -> dict[str, Any]:
    """Return every figure as one document."""
    reader = Reader(load_sentence_encoder(encoder))
    started = time.process_time()
    cases = read(read_marked_answers(files), reader)
    read_seconds = time.process_time() - started
    folds = _folds([case.question.item_id for case in cases], seed=seed)
    answered, milliseconds = answered_in_folds(cases, folds, encoder=encoder)
    contenders = baselines(cases, folds)
    ours = figures(cases, answered, seed=seed)
    domains = sorted({case.question.domain for case in cases})
    return {
        "benchmark": "review_answers",
        "protocol": PROTOCOL,
        "files": [file.name for file in files],
        "seed": seed,
        "encoder": encoder,
        "domains": domains,
        "questions": len(cases),
        "items": len({case.question.item_id for case in cases}),
        "without_answer": round(float(np.mean([not case.question.marked for case in cases])), 4),
        **ours,
        "baselines": {name: figures(cases, answers, seed=seed) for name, answers in contenders.items()},
        "gains": {name: gains(cases, answered, answers, seed=seed) for name, answers in contenders.items()},
        "across_domains": across_domains(cases, encoder=encoder, seed=seed) if len(domains) > 1 else None,
        "weights_of_shopsight": come_with_shopsight(cases, encoder=encoder, seed=seed),
        "processor_milliseconds": {
            "vectors of a question's sentences, the first time": round(1000 * read_seconds / len(cases), 2),
            "answer, vectors remembered": milliseconds,
        },
    }


def _folds(items: Sequence[str], *, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the fold of each question: one for all of an item."""
    names = sorted(set(items))
    fold = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % FOLDS, strict=True))
    return np.array([fold[item] for item in items])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.review_answers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="CSV or CSV.gz, SubjQA's")
    parser.add_argument("--seed", type=int, default=7, help="of the folds and the bootstrap")
    parser.add_argument("--encoder", default=DEFAULT, help="sentence encoder: use, e5, minilm or a folder")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    try:
        document = measure(options.data, seed=options.seed, encoder=options.encoder)
    except ShopsightError as error:
        raise SystemExit(str(error)) from error
    write_figures(document, options.json)


if __name__ == "__main__":
    main()
