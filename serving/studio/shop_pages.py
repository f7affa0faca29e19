"""*Search*, *Funnel*, *Reviews* and *Demand and stock*: what the marts say of the shop."""

from typing import Any, Final

from serving.studio.charts import bars, day_line
from serving.studio.page_request import PageError, PageRequest, figures, rows_address, spans, table
from serving.studio.questions import QUESTIONS

DIMENSIONS: Final = ("channel", "device", "country")
STEPS: Final = ("view_item", "add_to_cart", "begin_checkout", "purchase")


def search(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of queries shows."""
    period = asked.period(days=28)
    names = ("searches", "queries", "search_clicks", "zero_rate")
    with asked.reader.opened(QUESTIONS["queries"]) as answers:
        return {
            "period": period,
            "spans": spans(asked, period),
            "figures": figures(asked, answers, names, period, gap=period.days),
            "zero": table(answers, "zero_results", period.parameters),
            "unclicked": table(answers, "unclicked", period.parameters),
            "queries": table(answers, "queries", period.parameters, limit=25),
        }


def funnel(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of the funnel shows."""
    period = asked.period(days=28)
    dimension = asked.query.get("by", DIMENSIONS[0])
    if dimension not in DIMENSIONS:
        raise PageError(400, "error.form")
    with asked.reader.opened(*(QUESTIONS[name] for name in ("funnel", "funnel_parts", "cohorts"))) as answers:
        steps = answers.rows(QUESTIONS["funnel"], period.parameters).records()
        parts = table(answers, "funnel_parts", {**period.parameters, "dimension": dimension}, limit=30)
        cards = figures(asked, answers, ("funnel", "funnel_conversion"), period)
        cohorts = answers.rows(QUESTIONS["cohorts"], {}).records()
    first = steps[0]["shoppers"] if steps else 0
    words = [
        f"{row['shoppers']:,}" + (f" · {row['shoppers'] / before:.1%}" if before else "")
        for row, before in zip(steps, [0, *(row["shoppers"] for row in steps)], strict=False)
    ]
    drawn = [
        (asked.words(f"step.{row['step']}"), row["shoppers"], text) for row, text in zip(steps, words, strict=True)
    ]
    return {
        "period": period,
        "spans": spans(asked, period),
        "figures": cards,
        "steps": steps,
        "first": first,
        "chart": bars(drawn, title=asked.words("funnel.chart")),
        "steps_rows": rows_address("funnel", period.parameters),
        "by": dimension,
        "dimensions": DIMENSIONS,
        "parts": parts,
        "cohorts": _triangle(cohorts),
        "cohorts_rows": rows_address("cohorts", {}),
    }


def reviews(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of reviews shows."""
    names = ("aspects", "complaints", "praises")
    period = asked.period(days=28)  # no question here takes days: all weeks are shown
    with asked.reader.opened(*(QUESTIONS[name] for name in names)) as answers:
        return {
            "figures": figures(asked, answers, names, period),
            "aspects": table(answers, "aspects", {}),
            "complaints": table(answers, "complaints", {}, limit=25),
            "praises": table(answers, "praises", {}, limit=15),
        }


def _triangle(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return cohorts as a table: a row a cohort, a column a period after it."""
    periods = sorted({row["period_number"] for row in rows})
    starts = sorted({row["cohort_start"] for row in rows})
    rates = {(row["cohort_start"], row["period_number"]): row["retention_rate"] for row in rows}
    sizes = {row["cohort_start"]: row["cohort_size"] for row in rows}
    return {
        "periods": periods,
        "lines": [(start, sizes[start], [rates.get((start, one)) for one in periods]) for start in starts],
    }


def stock(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of demand and stock shows."""
    period = asked.period(days=28)
    names = ("reorder", "reorder_units", "cannot_say", "forecast", "forecast_items", "sold")
    with asked.reader.opened(*(QUESTIONS[name] for name in names)) as answers:
        forecast = answers.rows(QUESTIONS["forecast"], {}).records()
        return {
            "period": period,
            "spans": spans(asked, period),
            "figures": figures(asked, answers, ("sold", "forecast", "reorder", "reorder_units", "cannot_say"), period),
            "chart": day_line(
                [(row["event_date"], row["expected_units"]) for row in forecast],
                title=asked.words("stock.chart"),
            ),
            "forecast": table(answers, "forecast", {}, limit=14),
            "reorder": table(answers, "reorder", {}, limit=30),
            "items": table(answers, "forecast_items", {}, limit=20),
            "sold": table(answers, "sold", period.parameters, limit=20),
        }
