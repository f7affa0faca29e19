"""Does the drift check find planted defects and name their column, keep quiet where nothing changed, and end in time?

    python -m benchmarks.drift --json -

Rows of a small shop are drawn anew for each window. Each kind of defect is planted in a window of its own with each
seed; it is found where the column that it was planted in (or the rows) is no longer ``stable`` and named among the
culprits. Windows of one shop without a defect tell how often the check cries for nothing.
"""

import argparse
import math
import resource
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.output import add_json_option, write_figures
from models.evaluation.drift.findings import DriftConfig
from models.evaluation.drift.tables import ROWS, Comparison, compare_tables

Window = pd.DataFrame
Defect = Callable[[Window, np.random.Generator], Window]
ROWS_OF_WINDOW: Final = 3_000
WORDS: Final = ("red", "shoes", "blue", "coat", "bag", "summer", "sale", "boots", "wool", "warm", "kids", "light")


def window(seed: int, rows: int = ROWS_OF_WINDOW) -> Window:
    """Return four weeks of a small shop's events, in the columns that logs and training sets have."""
    rng = np.random.default_rng([seed, 49])
    day = np.sort(rng.uniform(0, 28, rows))
    hour = (day % 1) * 24
    awake = rng.random(rows) < 0.35 + 0.65 * np.exp(-(((hour - 19) / 5) ** 2))
    moments = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(np.where(awake, day, day // 1 + 0.8), unit="D")
    channels = ["web", "app", "mail", "ad", "kiosk", "partner"]
    price = np.round(rng.lognormal(3, 0.8, rows), 2)
    score = rng.beta(2, 8, rows)
    return pd.DataFrame(
        {
            "event_id": [f"{rng.integers(16**8):08x}-{number:06d}" for number in range(rows)],
            "event_timestamp": moments.as_unit("us") + pd.to_timedelta(rng.integers(0, 3_600_000, rows), unit="ms"),
            "user_id": [f"u{number:05d}" for number in rng.zipf(1.3, rows) % 1_500],
            "item_id": [f"sku-{number}" for number in np.minimum(rng.zipf(1.4, rows), 400)],
            "event_name": rng.choice(
                ["view_item", "add_to_cart", "purchase", "search"], rows, p=[0.7, 0.15, 0.05, 0.1]
            ),
            "price": price,
            "quantity": rng.poisson(0.3, rows) + 1,
            "discount": np.where(rng.random(rows) < 0.8, np.nan, np.round(rng.random(rows) * price, 2)),
            "rating": np.where(
                rng.random(rows) < 0.5, np.nan, rng.choice(5, rows, p=[0.05, 0.05, 0.1, 0.3, 0.5]) + 1.0
            ),
            "channel": rng.choice(channels, rows, p=[0.5, 0.3, 0.14, 0.05, 0.006, 0.004]),
            "query": [" ".join(rng.choice(WORDS, rng.integers(2, 5))) for _ in range(rows)],
            "score": score,
            "label": (rng.random(rows) < score).astype(int),
            "is_member": rng.random(rows) < 0.2,
        }
    )


def some(rows: Window, rng: np.random.Generator, share: float) -> np.ndarray:
    """Return which rows are hit."""
    return rng.random(len(rows)) < share


def _hit(column: str, share: float, value: Any) -> Defect:
    def plant(rows: Window, rng: np.random.Generator) -> Window:
        new = value(rows[column]) if callable(value) else value
        return rows.assign(**{column: rows[column].mask(some(rows, rng, share), new)})

    return plant


def _all(column: str, change: Callable[[pd.Series], Any]) -> Defect:
    return lambda rows, _: rows.assign(**{column: change(rows[column])})


def _without_day(rows: Window, _: np.random.Generator) -> Window:
    start = rows.event_timestamp.min() + pd.Timedelta(days=12)
    lost = rows.event_timestamp.between(start, start + pd.Timedelta(days=2))
    return rows[~lost].reset_index(drop=True)


def _sent_twice(rows: Window, rng: np.random.Generator) -> Window:
    return pd.concat([rows, rows[some(rows, rng, 0.1)]]).sort_values("event_timestamp", ignore_index=True)


DEFECTS: Final[Mapping[str, tuple[str, Defect]]] = {
    "column gone": ("price", lambda rows, _: rows.drop(columns="price")),
    "column renamed": ("channel", lambda rows, _: rows.rename(columns={"channel": "source"})),
    "column new": ("note", lambda rows, _: rows.assign(note="x")),
    "numbers as text": ("price", _all("price", lambda p: p.map("{:.2f} EUR".format))),
    "all null": ("rating", _all("rating", lambda r: r * np.nan)),
    "nulls where there were none": ("item_id", _hit("item_id", 0.02, None)),
    "more nulls": ("rating", _hit("rating", 0.3, np.nan)),
    "infinite": ("score", _hit("score", 0.001, np.inf)),
    "constant": ("price", _all("price", lambda p: p * 0 + 9.99)),
    "in cents": ("price", _all("price", lambda p: p * 100)),
    "mean moved": ("price", _all("price", lambda p: p * 1.3)),
    "spread doubled": ("score", _all("score", lambda s: (s.mean() + 2 * (s - s.mean())).clip(0, 1))),
    "a few far out": ("price", _hit("price", 0.01, lambda p: p * 1_000)),
    "sign turned": ("price", _hit("price", 0.02, lambda p: -p)),
    "capped": ("price", _all("price", lambda p: p.clip(upper=30))),
    "rounded": ("price", _all("price", lambda p: p.round())),
    "default filled in": ("discount", _all("discount", lambda d: d.fillna(0.0))),
    "stars out of range": ("rating", _hit("rating", 0.02, 10.0)),
    "category renamed": ("channel", _all("channel", lambda c: c.replace("mail", "e-mail"))),
    "rare categories replaced": (
        "channel",
        _all("channel", lambda c: c.replace({"kiosk": "stall", "partner": "friend"})),
    ),
    "category gone": ("channel", lambda rows, _: rows[rows.channel != "ad"].reset_index(drop=True)),
    "categories in capitals": ("event_name", _hit("event_name", 0.2, lambda e: e.str.upper())),
    "mix of categories moved": ("channel", _hit("channel", 0.2, "app")),
    "items replaced": ("item_id", _hit("item_id", 0.3, lambda i: i.str.replace("sku-", "sku-9"))),
    "one item takes over": ("item_id", _hit("item_id", 0.3, "sku-77")),
    "ids written otherwise": ("user_id", _all("user_id", lambda u: u.str.lstrip("u0"))),
    "ids repeat": ("event_id", _all("event_id", lambda e: e.sample(len(e), replace=True, random_state=1).to_numpy())),
    "stale": ("event_timestamp", _all("event_timestamp", lambda t: t - pd.Timedelta(days=10))),
    "clock moved": ("event_timestamp", _all("event_timestamp", lambda t: t + pd.Timedelta(hours=8))),
    "two days lost": ("event_timestamp", _without_day),
    "rows sent twice": (ROWS, _sent_twice),
    "half the rows lost": (ROWS, lambda rows, rng: rows[some(rows, rng, 0.5)].reset_index(drop=True)),
    "texts in another language": ("query", _hit("query", 0.3, "多少钱 红色 鞋")),
    "texts cut off": ("query", _all("query", lambda q: q.str[:8])),
    "encoding broken": ("query", _hit("query", 0.05, lambda q: q + " sÃ¼Ã\x9f")),
    "scores collapsed": ("score", _hit("score", 0.5, 0.5)),
    "labels moved": ("label", _hit("label", 0.15, 1)),
    "flag turned": ("is_member", _all("is_member", lambda m: ~m)),
}  # fmt: skip
"""What is planted, by name, and the column that is to blame."""


def compared(reference: Window, current: Window) -> Comparison:
    """Return what the check finds, as ``shopsight drift`` does on two Parquet files."""
    tables = [pa.Table.from_pandas(rows, preserve_index=False) for rows in (reference, current)]
    return compare_tables(tables[0], tables[1], config=DriftConfig())


def plant(kind: str, seed: int) -> bool:
    """Return whether one planted defect is found and its column named."""
    column, defect = DEFECTS[kind]
    current = defect(window(2_000 + seed), np.random.default_rng(seed))
    comparison = compared(window(1_000 + seed), current)
    return comparison.status != "stable" and column in {finding.column for finding in comparison.culprits}


def quiet(seed: int, rows: int = ROWS_OF_WINDOW) -> list[str]:
    """Return what the check blames in two windows of one shop."""
    comparison = compared(window(10_000 + 2 * seed, rows), window(10_001 + 2 * seed, rows))
    return [f"{finding.column}: {finding.reason}" for finding in comparison.culprits]


def hard_columns() -> list[str]:
    """Return which columns that no distance can be computed of get another verdict than they should.

    All of a window are put in their place: beside whole rows they are not stable, and beside themselves no alarm.
    """
    rows = window(1)
    odd: dict[str, Any] = {
        "empty": None, "constant": 1.0, "all null": np.nan, "infinite": np.inf, "text": "x", "huge": 1e308,
        "tiny": 5e-324, "mixed infinite": np.where(rows.index % 2, np.inf, -np.inf), "numbers": rows.index,
        "flags": rows.index % 2 == 0, "moments": pd.Timestamp("1970-01-01"), "blanks": " ",
    }  # fmt: skip
    wrong = []
    for name, value in odd.items():
        changed = rows.assign(**dict.fromkeys(rows.columns, value))
        for pair in ((rows, changed), (changed, rows), (changed, changed)):
            comparison = compared(*pair)
            statuses = {one.status for one in comparison.columns}
            if statuses - {"stable", "drifted", "not evaluable"} or (comparison.status == "stable") != (
                pair[0] is pair[1]
            ):
                wrong.append(f"{name}: {comparison.status}, {statuses}")
    return wrong


def speed(rows: int, columns: int) -> dict[str, Any]:
    """Return how long two windows of numbers and names take, and the memory of the process at its height."""
    rng = np.random.default_rng(7)

    def wide() -> pa.Table:
        values: dict[str, Any] = {
            f"number_{n}": rng.normal(size=rows) for n in range(columns - columns // 5 - columns // 10)
        }
        names = np.array([f"name_{n}" for n in range(200)])
        values |= {f"category_{n}": names[rng.integers(0, 200, rows)] for n in range(columns // 5)}
        items = np.array([f"item_{n}" for n in range(50_000)])
        values |= {f"item_id_{n}": items[rng.integers(0, 50_000, rows)] for n in range(columns // 10)}
        return pa.table(values)

    tables = wide(), wide()
    started = time.perf_counter()
    status = compare_tables(*tables, config=DriftConfig()).status
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "rows": rows, "columns": columns, "seconds": round(seconds, 1), "peak_gib": round(peak, 2), "verdict": status,
    }  # fmt: skip


def measure(*, seeds: int, windows: int, rows: int, columns: int) -> dict[str, Any]:
    """Return every figure."""
    comparison = {kind: sum(plant(kind, seed) for seed in range(seeds)) for kind in DEFECTS}
    alarms = [culprits for seed in range(windows) if (culprits := quiet(seed))]
    planted = seeds * len(DEFECTS)
    return {
        "planted": {
            "kinds": len(DEFECTS),
            "planted": planted,
            "seeds": seeds,
            "found": sum(comparison.values()),
            "share": round(sum(comparison.values()) / planted, 4),
            "missed": {kind: seeds - count for kind, count in comparison.items() if count < seeds},
        },
        "quiet": {
            "windows": windows,
            "alarms": len(alarms),
            "share": round(len(alarms) / windows, 4) if windows else math.nan,
            "blamed": alarms,
        },
        "hard_columns": {"raised_or_odd": hard_columns()},
        "speed": speed(rows, columns),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="windows of each kind of defect")
    parser.add_argument("--windows", type=int, default=200, help="pairs of windows without a defect")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the windows whose time is measured")
    parser.add_argument("--columns", type=int, default=50, help="columns of them")
    add_json_option(parser)
    arguments = parser.parse_args()
    figures = measure(seeds=arguments.seeds, windows=arguments.windows, rows=arguments.rows, columns=arguments.columns)
    write_figures({"benchmark": "drift", **figures}, arguments.json)


if __name__ == "__main__":
    main()
