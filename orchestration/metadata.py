"""Turn what a step found into Dagster metadata: numbers as floats of their own, so that the UI plots them."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from models.evaluation.results import Evaluation, Metrics

OWNER = "team:shopsight"


def metric_metadata(metrics: Metrics, *, first: str | None = None) -> dict[str, float]:
    """Return one plotted number per metric, with its interval beside it, to five digits; the metric ``first`` leads."""
    plotted: dict[str, float] = {}
    for name, estimate in sorted(metrics.items(), key=lambda metric: metric[0] != first):
        plotted[f"metric/{name}"] = _rounded(estimate.value)
        plotted[f"interval/{name}/low"] = _rounded(estimate.low)
        plotted[f"interval/{name}/high"] = _rounded(estimate.high)
    return plotted


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def evaluation_table(evaluation: Evaluation) -> dg.MarkdownMetadataValue:
    """Return the candidate beside every baseline, one row each, as a table the UI shows."""
    if evaluation.not_evaluable is not None:
        return dg.MetadataValue.md(f"**Not evaluable.** {evaluation.not_evaluable}")
    names = list(evaluation.metrics)
    rows: list[tuple[str, Metrics]] = [(f"**{evaluation.candidate}**", evaluation.metrics)]
    rows += evaluation.baselines.items()
    lines = ["| model | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for label, metrics in rows:
        cells = [str(metrics[name]) if name in metrics else "–" for name in names]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    gains = [f"- over {name}: {gain} {evaluation.primary_metric}" for name, gain in evaluation.gains.items()]
    return dg.MetadataValue.md("\n".join([*lines, "", evaluation.protocol, "", *gains]))


def parquet_metadata(path: Path) -> dict[str, dg.MetadataValue | int]:
    """Return row count and column schema of a Parquet file without reading its rows."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    columns = [dg.TableColumn(field.name, str(field.type)) for field in file.schema_arrow]
    return {
        "dagster/row_count": file.metadata.num_rows,
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns=columns)),
        "path": dg.MetadataValue.path(path),
    }


def counts_table(title: str, counts: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Return names and counts as a two-column table, largest first."""
    rows = sorted(counts.items(), key=lambda entry: -entry[1])
    body = [f"| {name} | {count:,} |" for name, count in rows] or ["| – | 0 |"]
    return dg.MetadataValue.md("\n".join([f"| {title} | rows |", "|---|---:|", *body]))
