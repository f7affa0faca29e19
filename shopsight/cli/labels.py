"""``shopsight label``: what the shop's people know better than the model, and what it would like to know."""

from dataclasses import asdict
from pathlib import Path

from shopsight.cli.console import err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def import_label_file(file: Path, *, as_json: bool) -> None:
    """Add labelled texts; the next training of the intent model learns from them."""
    from models.intent.labelled_texts import import_labels

    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    done = import_labels(file, settings.labels_path)
    if as_json:
        print_json(asdict(done))
        return
    out.print(f"{done.added:,} added, {done.changed:,} changed, {done.unchanged:,} known already")
    out.print(
        f"{done.without_label:,} rows without a label; {done.held:,} labelled texts in all: {settings.labels_path}"
    )


def suggest(*, count: int, output: Path, as_json: bool) -> None:
    """Write the texts that the approved model is least sure of, for a person to label.

    Raises:
        ShopsightError: there is no approved model, or no warehouse yet.
    """
    import pyarrow.parquet as pq

    from models.intent.labelled_texts import read_labels, suggest_labels, write_suggestions
    from models.intent.predict import IntentClassifier
    from models.registry import ModelRegistry

    settings = Settings()
    champion = ModelRegistry(settings.registry_dir).champion("intent")
    utterances = settings.exports_dir / "utterances.parquet"
    if champion is None or not utterances.exists():
        raise ShopsightError(
            "there is nothing to ask about",
            why="no intent model was approved in this home" if champion is None else f"{utterances} is missing",
            fix="run `make demo`, or `shopsight run` and then `shopsight approve intent --by NAME --reason TEXT`",
        )
    table = pq.read_table(utterances, columns=["text", "label_source"])
    pairs = list(zip(table["text"].to_pylist(), table["label_source"].to_pylist(), strict=True))
    known = [text for text, source in pairs if source == "shop"] + read_labels(settings.labels_path)["text"].to_pylist()
    with err.status(f"reading {len(pairs):,} texts"):
        found = suggest_labels(
            [text for text, _ in pairs], known, IntentClassifier.load(champion.path).predict, count=count
        )
    if as_json:
        print_json([asdict(one) for one in found])
        return
    write_suggestions(found, output)
    out.print(f"{len(found):,} texts: {output}; fill the column `label`, then `shopsight label import {output}`")
