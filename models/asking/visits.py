"""The question about visits under way, whether an order follows in them: the purchase intent family's own code.

Rows and folds are those of that family; only the join of its features is made here, in DuckDB.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.asking.question import Question, RefusedQuestionError
from models.asking.rows import STATE, visible_rows
from models.evaluation.approval import gate
from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import session_rows
from models.purchase_intent.folds import split_by_time
from models.purchase_intent.train import train
from models.training import read_card
from shopsight.contracts import SESSION_FEATURES, USER_FEATURES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MARTS: Final = ("session_features", "session_labels")
"""Marts that are read beside those of shoppers."""
MAX_ROWS: Final = 300_000
"""Events of visits that are learnt from; shoppers are drawn by a hash, whole, where there are more."""


def judge_visits(connection: "duckdb.DuckDBPyConnection", question: Question, *, seed: int) -> dict[str, Any]:
    """Return the figures of a question about visits, as parts of its answer.

    Raises:
        RefusedQuestionError: there are too few visits or orders.
        SentinelTrippedError: the data give the answer away.
    """
    table = _table(connection)
    config = PurchaseIntentConfig(resamples=200)
    with tempfile.TemporaryDirectory() as folder:
        evaluation = train(
            table,
            config=config,
            out_dir=Path(folder),
            seed=seed,
            device="cpu",
            precision="float32",
            report=lambda _: None,
        )
        if evaluation.not_evaluable is not None:
            raise RefusedQuestionError(
                "there are too few visits to judge",
                why=evaluation.not_evaluable,
                fix="import a longer history, or ask about shoppers",
            )
        card = read_card(Path(folder))
    test = split_by_time(session_rows(table), config).test
    return {
        "evaluation": evaluation,
        "verdict": gate(evaluation),
        "population": test.session_count,
        "positives": _positives(test.sessions, test.purchased, negated=question.target[0].negated),
        "importance": dict(list(card["importance"].items())[:8]) if "importance" in card else {},
        "sentinels": {one["sentinel"]: [one["value"], one["limit"]] for one in card["sentinels"]},
    }


def _positives(sessions: NDArray[np.intp], purchased: NDArray[np.bool_], *, negated: bool) -> int:
    buying = len(np.unique(sessions[purchased]))
    return len(np.unique(sessions)) - buying if negated else buying


def _table(connection: "duckdb.DuckDBPyConnection") -> "pa.Table":
    ((rows,),) = connection.execute("select count(*) from session_labels").fetchall()
    share = 10_000 if rows <= MAX_ROWS else int(10_000 * MAX_ROWS / rows)
    return connection.sql(f"""
        with labels as (
            select * from session_labels where hash(user_id) % 10000 < {share}
        ),
        joined as (
            select labels.*, {", ".join(f"features.{name}" for name in SESSION_FEATURES)}
            from labels inner join session_features as features
                on labels.session_id = features.session_id and labels.event_timestamp = features.event_timestamp
        )
        select joined.*, {", ".join(f"state.{name}" for name in USER_FEATURES)}, users.age_band, users.gender
        from joined
        asof left join {visible_rows(connection, "user_features_daily", (*STATE, "favourite_category"))} as state
            on joined.user_id = state.user_id and joined.event_timestamp >= state.visible
        left join users on joined.user_id = users.user_id
        order by joined.session_started_at, joined.session_id, joined.position
    """).to_arrow_table()
