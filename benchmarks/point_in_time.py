"""A training set through Feast against a hand-written ASOF JOIN over the same Parquet, compared row by row.

``python -m benchmarks.point_in_time --rows 1000000 --json -`` prints one JSON document. Both end in a pandas data
frame with the rows in the order of the labels; both run in turns in one process, medians are reported. The
hand-written join trusts that nothing arrived late; ours does not, and asks every row when it arrived.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.feature_marts import write_sessions, write_user_days
from benchmarks.output import add_json_option, write_figures
from shopsight.contracts import SESSION_FEATURES, USER_FEATURES
from shopsight.families import FAMILIES
from shopsight.marts import read_mart
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

GOAL = 2.0
"""Times the hand-written join that the training set may take."""
FEATURES = (*SESSION_FEATURES, *USER_FEATURES)
BY_HAND = f"""
    WITH labels AS (SELECT *, row_number() OVER () AS nth FROM read_parquet('{{exports}}/session_labels.parquet'))
    SELECT labels.* EXCLUDE (nth), {", ".join(FEATURES)}
    FROM labels
    ASOF LEFT JOIN read_parquet('{{exports}}/session_features.parquet') AS sessions
        ON labels.session_id = sessions.session_id AND labels.event_timestamp >= sessions.event_timestamp
    ASOF LEFT JOIN read_parquet('{{exports}}/user_features_daily.parquet') AS users
        ON labels.user_id = users.user_id AND labels.event_timestamp >= users.feature_timestamp
    ORDER BY nth
"""


def measure(*, rows: int, repeats: int) -> dict[str, Any]:
    """Return both times, their ratio and whether every value agreed."""
    from shopsight.feature_store import apply_definitions

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        write_sessions(settings.exports_dir, rows=rows)
        write_user_days(settings.exports_dir, users=max(rows // 10, 1), days_per_user=10)
        apply_definitions(settings)
        pairs = [(_timed(_by_feast, settings), _timed(_by_hand, settings)) for _ in range(repeats)]
        ours, theirs = pairs[-1][0][1], pairs[-1][1][1]
    feast, by_hand = median(pair[0][0] for pair in pairs), median(pair[1][0] for pair in pairs)
    return {
        "rows": rows,
        "features": len(FEATURES),
        "feast_seconds": round(feast, 2),
        "asof_join_seconds": round(by_hand, 2),
        "ratio": round(feast / by_hand, 2),
        "goal_ratio": GOAL,
        "feast_rows_per_second": round(rows / feast),
        "rows_with_a_user": int(ours["events_7d"].notna().sum()),
        "different_columns": _different(ours, theirs),
        "repeats": repeats,
    }


def _timed(job: "Callable[[Settings], pd.DataFrame]", settings: Settings) -> "tuple[float, pd.DataFrame]":
    started = time.perf_counter()
    frame = job(settings)
    return time.perf_counter() - started, frame


def _by_feast(settings: Settings) -> "pd.DataFrame":
    from shopsight.feature_store import training_set

    labels = read_mart(settings, "session_labels")
    return training_set(
        settings, service=FAMILIES["purchase_intent"].feature_service, entities=labels, columns=FEATURES
    )


def _by_hand(settings: Settings) -> "pd.DataFrame":
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(BY_HAND.format(exports=settings.exports_dir)).df()


def _different(ours: "pd.DataFrame", theirs: "pd.DataFrame") -> list[str]:
    """Return the columns in which a row differs; two missing values agree."""
    if len(ours) != len(theirs) or list(ours.columns) != list(theirs.columns):
        raise SystemExit("the two training sets have other rows or columns")
    return [
        name
        for name in ours.columns
        if not ((ours[name] == theirs[name]) | (ours[name].isna() & theirs[name].isna())).all()
    ]


def main() -> None:
    """Print the figures; leave with 1 if a value differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="labels, and as many rows of each feature view")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, in turns")
    add_json_option(parser)
    options = parser.parse_args()
    figures = measure(rows=options.rows, repeats=options.repeats)
    write_figures(figures, options.json)
    raise SystemExit(bool(figures["different_columns"]))


if __name__ == "__main__":
    main()
