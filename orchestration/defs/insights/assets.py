"""What the approved models say of the shop, for people who plan: tables beside the marts."""

from collections import Counter
from pathlib import Path

import dagster as dg

from orchestration.metadata import OWNER, parquet_metadata
from shopsight.settings import Settings

SHOWN = 10


@dg.asset(
    group_name="insights",
    kinds={"parquet"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", "reviews"]), "intent_champion"],
)
def review_insights() -> dg.MaterializeResult[None]:
    """What shoppers praise and complain of: a row per week, category, item and aspect, with the clauses behind it.

    Written to `warehouse/exports/review_insights.parquet` for merchandisers. The tone of a clause is the approved text
    model's, or the word list's where that model learnt none from the shop's stars.
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
