"""What the approved models say of the shop, for people who plan: tables beside the marts."""

from collections import Counter
from pathlib import Path

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

SHOWN = 10
SUGGESTED = 200
READ = 5_000
"""Latest texts that are asked about: seconds of the model."""


@dg.asset(
    group_name="insights",
    kinds={"parquet"},
    owners=[OWNER],
    # Not of the champion: until a text model is approved nothing after that asset runs, and the word list tells tone.
    deps=[dg.AssetKey(["marts", "reviews"]), "intent_evaluation"],
)
def review_insights() -> dg.MaterializeResult[None]:
    """What shoppers praise and complain of: a row per week, category, item and aspect, with the clauses behind it.

    Written to `warehouse/exports/review_insights.parquet` for merchandisers. The tone of a clause is the approved text
    model's, or the word list's where none is approved or it learnt no tone from the shop's stars.
    """
    import pyarrow.parquet as pq

    from models.intent.insights import review_insights as count
    from models.intent.tone import ToneModel
    from models.intent.word_list import sentiment
    from models.registry import ModelRegistry

    settings = Settings()
    champion = ModelRegistry(settings.registry_dir).champion("intent")
    tone = None if champion is None else ToneModel.load(champion.path)
    reviews = pq.read_table(settings.exports_dir / "reviews.parquet")
    table = count(reviews, sentiment if tone is None else lambda clause: tone.tone(clause).label)
    target = settings.exports_dir / "review_insights.parquet"
    _write(table, target)
    by_aspect: Counter[str] = Counter()
    for aspect, complained in zip(table["aspect"].to_pylist(), table["complained"].to_pylist(), strict=True):
        by_aspect[aspect] += complained
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(target),
            "reviews": reviews.num_rows,
            "tone by": "the word list" if tone is None else "the approved text model",
            "most complaints": dg.MetadataValue.md(_complaints(table)),
            **{f"complaints/{aspect}": count for aspect, count in by_aspect.items()},
        }
    )


@dg.asset(
    group_name="insights",
    kinds={"csv"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "utterances"]), "intent_champion"],
)
def label_suggestions() -> dg.MaterializeResult[None]:
    """The shoppers' texts that the approved intent model is least sure of, one a row, for people to label.

    Written to `reports/label_suggestions.csv`; fill its column `label`, then `shopsight label import` it: the next
    training learns from it.
    """
    import pyarrow.parquet as pq

    from models.intent.labelled_texts import read_labels, suggest_labels, write_suggestions
    from models.intent.predict import IntentClassifier
    from models.registry import ModelRegistry

    settings = Settings()
    champion = ModelRegistry(settings.registry_dir).champion("intent")
    if champion is None:
        raise ShopsightError(
            "no intent model was approved in this home",
            why="what to label next is what the approved model is least sure of",
            fix="approve a candidate: `shopsight approve intent --by NAME --reason TEXT`",
        )
    table = pq.read_table(settings.exports_dir / "utterances.parquet", columns=["text", "label_source"])
    pairs = list(zip(table["text"].to_pylist(), table["label_source"].to_pylist(), strict=True))[-READ:]
    known = [text for text, source in pairs if source == "shop"] + read_labels(settings.labels_path)["text"].to_pylist()
    classifier = IntentClassifier.load(champion.path)
    found = suggest_labels([text for text, _ in pairs], known, classifier.predict, count=SUGGESTED)
    target = settings.reports_dir / "label_suggestions.csv"
    write_suggestions(found, target)
    lines = [f"| {one.margin:.3f} | {one.predicted_label} | {one.text} |" for one in found[:SHOWN]]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(found),
            "path": dg.MetadataValue.path(target),
            "least sure": dg.MetadataValue.md("\n".join(["| margin | predicted | text |", "|---:|---|---|", *lines])),
        }
    )


def _write(table: object, target: Path) -> None:
    import pyarrow.parquet as pq

    staging = target.with_suffix(".staging")
    pq.write_table(table, staging)
    staging.replace(target)


def _complaints(table: object) -> str:
    lines = [
        "| week | category | item | aspect | complaints | of | in their words |",
        "|---|---|---|---|---:|---:|---|",
    ]
    for row in table.slice(0, SHOWN).to_pylist():  # type: ignore[attr-defined]
        words = " / ".join(clause.replace("|", "\\|") for clause in row["complaints"])
        cells = (row["week"], row["category"] or "–", row["item_id"] or "–", row["aspect"], row["complained"])
        lines.append(f"| {' | '.join(map(str, cells))} | {row['mentions']} | {words} |")
    return "\n".join(lines)
