"""What is a policy worth that sends each shopper what does most for them, or nothing?

    python -m benchmarks.uplift --trial FILE --treatment COLUMN --outcome COLUMN --json -
    python -m benchmarks.uplift --json -

Without ``--trial`` it plans campaigns on sample shops whose answers are planted.
``FILE`` is a CSV (or CSV.gz) of a trial whose treatment was drawn by lot. Learner and policy are chosen on one part of
the rows by cross-validation within it and judged on the rest, again and again; values are per shopper and doubly robust
under the chances of the lot. Columns that come after the treatment are no features: the figures name them, and why.
"""

import argparse
from pathlib import Path

from benchmarks.output import add_json_option, write_figures
from benchmarks.uplift import planted
from benchmarks.uplift.trial import TrialFile, measure
from shopsight.errors import ShopsightError


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trial", type=Path, help="CSV or CSV.gz of a randomised trial")
    parser.add_argument("--treatment", help="column that says what each shopper got")
    parser.add_argument("--outcome", help="column of what came of it: yes or no, or an amount")
    parser.add_argument("--control", help="value of the treatment column that is the control (its most frequent No…)")
    parser.add_argument("--features", default="", help="columns to learn from, with commas; nothing else is taken then")
    parser.add_argument("--drop", default="", help="columns not to learn from, with commas")
    parser.add_argument("--cost", type=float, default=0.0, help="of one treatment, in the outcome's unit")
    parser.add_argument("--folds", type=int, default=3, help="parts of a repeat")
    parser.add_argument("--repeats", type=int, default=3, help="how often the rows are split anew")
    parser.add_argument("--shops", type=int, default=5, help="sample shops that a campaign is planned on")
    parser.add_argument("--reseeded", type=int, default=200, help="sample shops whose lift is measured")
    parser.add_argument("--seed", type=int, default=165, help="of splits and trees, or of the first sample shop")
    add_json_option(parser)
    arguments = parser.parse_args()
    if arguments.trial is None:
        write_figures(
            planted.measure(shops=arguments.shops, reseeded=arguments.reseeded, seed=arguments.seed), arguments.json
        )
        return
    if arguments.treatment is None or arguments.outcome is None:
        parser.error("--trial goes with --treatment and --outcome")
    asked = TrialFile(
        path=arguments.trial,
        treatment=arguments.treatment,
        outcome=arguments.outcome,
        control=arguments.control,
        features=_names(arguments.features),
        drop=_names(arguments.drop),
    )
    try:
        figures = measure(
            asked, cost=arguments.cost, folds=arguments.folds, repeats=arguments.repeats, seed=arguments.seed
        )
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures(figures, arguments.json)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    main()
