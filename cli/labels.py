"""``shopsight label``: what the shop's people know better than the model, and what it would like to know."""

from pathlib import Path

from cli.console import err, out, print_json
from shopsight.errors import ShopsightError
from shopsight.labelled_texts import read_label_file, read_labels, write_labels, write_suggestions
from shopsight.locking import exclusive
from shopsight.marts import export_path, mart_at, mart_exists
from shopsight.settings import Settings


def import_label_file(file: Path, *, as_json: bool) -> None:
    """Add labelled texts, all or none; the next training of the intent model learns from them.

    Raises:
        ShopsightError: the file cannot be read, or a label is unknown.
        ResourceBusyError: another import is writing.
    """
    from models.intent.labelled_texts import merge_labels

    target = Settings().labels_path
    rows = read_label_file(file)
    with exclusive(target.with_suffix(".lock"), what="the labelled texts", wait_seconds=30):
        done = merge_labels(read_labels(target), rows)
        write_labels(target, done.pairs)
    num_labels = len(done.pairs)
    if as_json:
        print_json({name: count for name, count in vars(done).items() if name != "pairs"} | {"held": num_labels})
        return
    out.print(f"{done.added:,} added, {done.changed:,} changed, {done.unchanged:,} known already")
    out.print(f"{done.without_label:,} rows without a label; {num_labels:,} labelled texts in all: {target}")


def suggest(*, count: int, output: Path, as_json: bool) -> None:
    """Write the texts that the approved model is least sure of, for a person to label.

    Raises:
        ShopsightError: there is no approved model, or no warehouse yet.
    """
    from models.intent.labelled_texts import suggest_labels
    from models.intent.predict import IntentClassifier
    from models.registry.registry import ModelRegistry

    settings = Settings()
    champion = ModelRegistry.of(settings).champion("intent")
    utterances = export_path(settings, "utterances")
    if champion is None or not mart_exists(utterances):
        raise ShopsightError(
            "there is nothing to ask about",
            why="no intent model was approved in this home" if champion is None else f"{utterances} is missing",
            fix="run `make demo`, or `shopsight run` and then `shopsight approve intent --by NAME --reason TEXT`",
        )
    with err.status("reading the shop's latest texts"):
        suggestions = suggest_labels(
            mart_at(utterances).read(),
            read_labels(settings.labels_path),
            IntentClassifier.load(champion.path).predict,
            count=count,
        )
    if as_json:
        print_json([one._asdict() for one in suggestions])
        return
    write_suggestions(output, suggestions)
    out.print(f"{len(suggestions):,} texts: {output}; fill the column `label`, then `shopsight label import {output}`")
