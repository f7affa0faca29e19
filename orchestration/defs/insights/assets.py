"""What the approved models say of the shop, for people who plan: tables beside the marts."""

import csv
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.metadata import OWNER, metric_metadata, parquet_metadata
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, read_mart
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 10
SUGGESTED = 200


@dg.asset(
    group_name="insights",
    kinds={"parquet"},
    owners=[OWNER],
    # Not of the champion: until a text model is approved nothing after that asset runs, and the word list tells tone.
    deps=[dg.AssetKey(["marts", "reviews"]), "intent_evaluation"],
)
def review_insights(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """What shoppers praise and complain of: a row per week, category, item and aspect, with the clauses behind it.

    Written to `warehouse/exports/review_insights.parquet` for merchandisers. The tone of a clause is the approved text
    model's, or the word list's where none is approved or it learnt no tone from the shop's stars.
    """
    import pyarrow.parquet as pq

    from models.intent import insights
    from models.intent.tone import ToneModel
    from models.intent.word_list import sentiment
    from models.registry.registry import ModelRegistry

    champion = ModelRegistry.of(settings).champion("intent")
    tone = None if champion is None else ToneModel.load(champion.path)
    reviews = read_mart(settings, "reviews")
    tone_of = sentiment if tone is None else lambda clause: tone.tone(clause).label
    table = insights.review_insights(reviews, tone_of, zone=settings.zone)
    path = export_path(settings, "review_insights")
    with replaced(path) as staging:
        pq.write_table(table, staging)
    complaints = table.group_by("aspect").aggregate([("complained", "sum")]).to_pylist()
    return dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "reviews": reviews.num_rows,
            "tone by": "the word list" if tone is None else "the approved text model",
            "most complaints": dg.MetadataValue.md(_complaints(table)),
            **{f"complaints/{row['aspect']}": row["complained_sum"] for row in complaints},
        }
    )


@dg.asset(
    group_name="insights",
    kinds={"csv"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "utterances"]), "intent_champion"],
)
def label_suggestions(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """The shoppers' texts that the approved intent model is least sure of, one a row, for people to label.

    Written to `reports/label_suggestions.csv`; fill its column `label`, then `shopsight label import` it: the next
    training learns from it.
    """
    from models.intent.labelled_texts import suggest_labels
    from models.intent.predict import IntentClassifier
    from models.registry.registry import ModelRegistry
    from shopsight.labelled_texts import read_labels, write_suggestions

    champion = ModelRegistry.of(settings).champion("intent")
    if champion is None:
        raise ShopsightError(
            "no intent model was approved in this home",
            why="what to label next is what the approved model is least sure of",
            fix="approve a candidate: `shopsight approve intent --by NAME --reason TEXT`",
        )
    suggestions = suggest_labels(
        read_mart(settings, "utterances"),
        read_labels(settings.labels_path),
        IntentClassifier.load(champion.path).predict,
        count=SUGGESTED,
    )
    path = settings.reports_dir / "label_suggestions.csv"
    write_suggestions(path, suggestions)
    lines = [f"| {one.margin:.3f} | {one.predicted_label} | {_cell(one.text)} |" for one in suggestions[:EXAMPLES]]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(suggestions),
            "path": dg.MetadataValue.path(path),
            "least sure": dg.MetadataValue.md("\n".join(["| margin | predicted | text |", "|---:|---|---|", *lines])),
        }
    )


@dg.asset(group_name="insights", kinds={"csv"}, owners=[OWNER], deps=[dg.AssetKey(["marts", "items"])])
def category_suggestions(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """A category for each item that has none, from the most alike items of the catalogue, for people to take over.

    Written to `reports/category_suggestions.csv`; how often such a suggestion is right is measured on items whose
    category is known.
    """
    from models.intent.categories import suggest_categories

    items = read_mart(settings, "items", ["item_id", "title", "description", "category"]).to_pylist()
    suggestions = suggest_categories(
        [f"{item['title']} {item['description'] or ''}" for item in items],
        [item["category"] for item in items],
        seed=settings.seed,
    )
    path = settings.reports_dir / "category_suggestions.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as staging, staging.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item_id", "title", "suggested_category", "share_of_votes", "most_alike_item"])
        writer.writerows(
            [
                items[row]["item_id"],
                items[row]["title"],
                vote.category,
                f"{vote.share:.4f}",
                items[vote.nearest]["item_id"],
            ]
            for row, vote in suggestions.rows
        )
    measured = {"precision": suggestions.precision, "coverage": suggestions.coverage}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(suggestions.rows),
            "path": dg.MetadataValue.path(path),
            "items without a category that stay so": suggestions.unsure,
            "share of votes needed": suggestions.min_share,
            **metric_metadata({name: figure for name, figure in measured.items() if figure is not None}),
        }
    )


def _complaints(table: "pa.Table") -> str:
    lines = [
        "| week | category | item | aspect | complaints | of | in their words |",
        "|---|---|---|---|---:|---:|---|",
    ]
    for row in table.slice(0, EXAMPLES).to_pylist():
        cells = (row["week"], row["category"] or "–", row["item_id"] or "–", row["aspect"], row["complained"])
        lines.append(f"| {' | '.join(map(str, cells))} | {row['mentions']} | {_cell(' / '.join(row['complaints']))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return a shopper's words as a cell of a table, which a bar would divide."""
    return text.replace("|", "\\|")
