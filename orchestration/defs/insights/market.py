"""What a week has brought to the shop's market: a table beside the marts, and a brief in words."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg

from orchestration.market import MARKET_INSIGHTS, week_of, with_earlier_weeks
from orchestration.metadata import OWNER, parquet_metadata
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, read_mart
from shopsight.settings import Settings
from shopsight.whole_files import replaced


@dg.asset(
    group_name="insights",
    kinds={"duckdb", "parquet"},
    owners=[OWNER],
    deps=[
        *(
            dg.AssetKey(["marts", mart])
            for mart in (
                *("daily_kpis", "graph_edges", "interactions", "item_demand_daily", "item_versions", "items"),
                *("search_clicks", "sessions"),
            )
        ),
        "review_insights",
    ],
    output_required=False,
)
def market_insights(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """What rises, is wanted and lacking, is complained of and cannibalises, in the newest week that is over.

    Written to `warehouse/exports/market_insights.parquet`, and in words to `reports/brief_en.md` and `brief_zh.md`;
    `shopsight brief` prints it. Nothing before the first week is over.
    """
    import pyarrow.parquet as pq

    from models.insights.brief import brief, markdown_of
    from models.insights.findings import table_of

    try:
        week = week_of(settings)
    except ShopsightError as error:
        context.log.info("%s", error)
        return
    path = export_path(settings, MARKET_INSIGHTS)
    with replaced(path) as staging:
        pq.write_table(with_earlier_weeks(settings, table_of(week)), staging)
    titles = read_mart(settings, "items", ["item_id", "title"]).to_pylist()
    names = {row["item_id"]: row["title"] or row["item_id"] for row in titles}
    texts = {}
    for language in ("en", "zh"):
        sections = brief(week, language=language, name_of=lambda item_id: names.get(item_id, item_id))
        texts[language] = markdown_of(week, sections, language=language)
        with replaced(settings.reports_dir / f"brief_{language}.md") as staging:
            staging.write_text(texts[language])
    news = Counter(one.kind for one in week.findings if one.is_news)
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(path),
            "week": week.begins.isoformat(),
            "brief": dg.MetadataValue.md(texts["en"]),
            "brief in Chinese": dg.MetadataValue.md(texts["zh"]),
            **{f"news/{kind}": news[kind] for kind in sorted(week.judged)},
            **{f"judged/{kind}": count for kind, count in sorted(week.judged.items())},
        }
    )
