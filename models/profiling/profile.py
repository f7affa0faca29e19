"""What the shop knows of a shopper, as lines that name their evidence."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.profiling.forecasts import YEAR, Forecasts

if TYPE_CHECKING:
    import duckdb

MARTS: Final = (
    "users",
    "rfm",
    "orders",
    "sessions",
    "utterances",
    "user_features_daily",
    "user_taste_features_daily",
    "user_order_history_daily",
    "interactions",
)
"""Marts that a profile is read from."""
SCORES: Final = "churn_scores"
"""What the approved churn model wrote, where there is one."""
NOT_GIVEN: Final = "not given: gender, age and other protected attributes are never guessed"

Line = dict[str, Any]


def profile(
    connection: "duckdb.DuckDBPyConnection",
    user_id: str,
    *,
    forecasts: Forecasts | None,
    has_scores: bool,
    alike: Callable[[str], list[tuple[str, float]]] | None = None,
) -> dict[str, Any] | None:
    """Return the profile of a shopper; None where the marts do not know them.

    Args:
        connection: with :data:`MARTS` (and ``churn_scores``, where there are such) as views, without whoever refuses.
        user_id: as the marts have it.
        forecasts: of all customers; None where the log is too short.
        has_scores: whether ``churn_scores`` is among the views.
        alike: returns look-alikes with their cosine; None without an approved recommender.

    Returns:
        ``user_id, consent, lines, not_known, last_month``. A line has ``field, value, as_of, evidence, interval,
        confidence, consent``. Of who refuses personal use there are no lines.
    """
    account = _row(connection, "users", user_id)
    if account is None:
        return None
    state = _newest(connection, "user_features_daily", user_id)
    if account["consent"] != "granted" or state is None:
        why = (
            "consent forbids personal use"
            if account["consent"] != "granted"
            else "no behaviour of personal use is known"
        )
        return {
            "user_id": user_id,
            "consent": account["consent"],
            "lines": [],
            "not_known": {"*": why},
            "last_month": {},
        }
    taste = _newest(connection, "user_taste_features_daily", user_id) or {}
    lines = _given(account) + _life(connection, user_id, account, state)
    lines += _tastes(state, taste) + _habits(connection, user_id, taste) + _words(connection, user_id)
    lines += _value(connection, user_id, forecasts)
    if has_scores:
        lines += _scores(_row(connection, SCORES, user_id))
    if alike is not None:
        near = [{"user_id": name, "cosine": round(cosine, 4)} for name, cosine in alike(user_id)]
        lines += [_line("look_alikes", near, None, "user_embeddings")] if near else []
    reasons = {line["field"]: line.pop("why", "no row says so") for line in lines}
    return {
        "user_id": user_id,
        "consent": account["consent"],
        "lines": [line for line in lines if line["value"] is not None],
        "not_known": {line["field"]: reasons[line["field"]] for line in lines if line["value"] is None},
        "last_month": forecasts.last_month if forecasts else {},
    }


def _line(
    field: str,
    value: Any,
    as_of: datetime | None,
    mart: str,
    *,
    keys: list[str] | None = None,
    interval: tuple[float, float] | None = None,
    error: float | None = None,
    confidence: str = "as the rows say",
    why: str | None = None,
) -> Line:
    line: Line = {
        "field": field,
        "value": value,
        "as_of": None if as_of is None else as_of.isoformat(),
        "evidence": {"mart": mart, "rows": keys or []},
        "interval": None if interval is None else [round(end, 4) for end in interval],
        "confidence": confidence,
        "consent": "personal",
    }
    if error is not None:
        line["last_month_error"] = error
    return line | ({"why": why} if why else {})


def _given(account: dict[str, Any]) -> list[Line]:
    given = [
        _line(
            name,
            account[name] if account[name] != "unknown" else None,
            account["created_at"],
            "users",
            confidence="as the shop recorded it",
            why=NOT_GIVEN,
        )
        for name in ("gender", "age_band")
    ]
    return [
        *given,
        _line("country", account["country"], account["last_seen_at"], "users"),
        _line("segment", account["segment"], account["last_seen_at"], "users"),
    ]


def _life(
    connection: "duckdb.DuckDBPyConnection", user_id: str, account: dict[str, Any], state: dict[str, Any]
) -> list[Line]:
    lines = [
        _line("first_seen", str(account["first_seen_at"]), account["first_seen_at"], "users"),
        _line("last_seen", str(account["last_seen_at"]), account["last_seen_at"], "users"),
    ]
    rfm = _row(connection, "rfm", user_id)
    if rfm is not None:
        scores = {name: rfm[f"{name}_score"] for name in ("recency", "frequency", "monetary")}
        lines += [
            _line("life_cycle_stage", rfm["life_cycle_stage"], rfm["last_order_at"], "rfm"),
            _line("rfm", scores, rfm["last_order_at"], "rfm"),
        ]
    return [*lines, _line("sessions_28d", state["sessions_28d"], state["feature_timestamp"], "user_features_daily")]


def _tastes(state: dict[str, Any], taste: dict[str, Any]) -> list[Line]:
    at, mart = taste.get("feature_timestamp"), "user_taste_features_daily"
    band = [taste.get(f"price_{name}_28d") for name in ("low", "median", "high")]
    return [
        _line(
            "favourite_categories",
            taste.get("top_categories"),
            at,
            mart,
            confidence=f"the first has {_share(taste.get('category_share_28d'))} of 28 days' events",
        ),
        _line(
            "favourite_brands",
            taste.get("top_brands"),
            at,
            mart,
            confidence=f"the first has {_share(taste.get('brand_share_28d'))} of 28 days' events",
        ),
        _line(
            "price_band", None if band[1] is None else dict(zip(("low", "median", "high"), band, strict=True)), at, mart
        ),
        _line("discount_share_28d", taste.get("discount_share_28d"), at, mart),
        _line("mean_price_28d", state["mean_price_28d"], state["feature_timestamp"], "user_features_daily"),
    ]


def _habits(connection: "duckdb.DuckDBPyConnection", user_id: str, taste: dict[str, Any]) -> list[Line]:
    at, mart = taste.get("feature_timestamp"), "user_taste_features_daily"
    names = (
        "active_days_28d",
        "days_between_visits_28d",
        "favourite_hour",
        "favourite_weekday",
        "evening_share_28d",
        "weekend_share_28d",
        "mean_rating_given",
    )
    lines = [_line(name, taste.get(name), at, mart) for name in names]
    mix = {name: taste.get(f"{name}_share_28d") for name in ("search", "question", "review", "buying")}
    lines.append(_line("intent_mix_28d", mix if any(one is not None for one in mix.values()) else None, at, mart))
    for column in ("channel", "device"):
        rows = connection.execute(
            f"select {column}, count(*) as visits, max(started_at), list(session_id order by started_at desc)[:3] "
            f"from sessions where user_id = $1 and {column} is not null group by 1 order by visits desc, 1",
            [user_id],
        ).fetchall()
        if rows:
            total = sum(row[1] for row in rows)
            lines.append(
                _line(
                    column,
                    rows[0][0],
                    rows[0][2],
                    "sessions",
                    keys=rows[0][3],
                    confidence=f"{rows[0][1]} of {total} visits",
                )
            )
    return lines


def _words(connection: "duckdb.DuckDBPyConnection", user_id: str) -> list[Line]:
    rows = connection.execute(
        "select utterance_id, event_timestamp, channel, text from utterances where user_id = $1 "
        "order by event_timestamp desc limit 5",
        [user_id],
    ).fetchall()
    if not rows:
        return []
    texts = [{"channel": channel, "text": text} for _, _, channel, text in rows]
    return [_line("last_words", texts, rows[0][1], "utterances", keys=[row[0] for row in rows])]


def _value(connection: "duckdb.DuckDBPyConnection", user_id: str, forecasts: Forecasts | None) -> list[Line]:
    orders = connection.execute(
        "select order_key, ordered_at, net_revenue::double from orders where user_id = $1 and ordered_at is not null "
        "order by ordered_at desc",
        [user_id],
    ).fetchall()
    keys = [row[0] for row in orders]
    last = orders[0][1] if orders else None
    spent = sum(row[2] for row in orders)
    lines = [
        _line("historic_orders", len(orders), last, "orders", keys=keys[:20]),
        _line("historic_clv", round(spent, 2), last, "orders", keys=keys[:20]),
        _line("average_order_value", round(spent / len(orders), 2) if orders else None, last, "orders", keys=keys[:20]),
        _line(
            "average_days_between_orders",
            _gap([row[1] for row in orders]),
            last,
            "orders",
            keys=keys[:20],
            why="fewer than two orders",
        ),
    ]
    if forecasts is None or user_id not in (places := {user: row for row, user in enumerate(forecasts.users)}):
        why = "no order is known" if forecasts is not None else "too few customers ordered twice for a forecast"
        return [
            *lines,
            *(
                _line(name, None, None, "user_order_history_daily", why=why)
                for name in ("predicted_orders_365d", "predicted_clv_365d")
            ),
        ]
    row = forecasts.table.slice(places[user_id], 1).to_pylist()[0]
    newest = datetime.fromtimestamp(row["last_order_us"] / 1e6, UTC)
    error = forecasts.last_month
    return [
        *lines,
        *(
            _line(
                f"predicted_{name}_{YEAR}d",
                round(row[f"{column}_365d"], 4),
                newest,
                "user_order_history_daily",
                keys=[user_id],
                interval=(row[f"{column}_365d_low"], row[f"{column}_365d_high"]),
                error=error.get(f"{column}_mae"),
                confidence="BG/NBD with Gamma-Gamma; the interval holds four fifths",
            )
            for name, column in (("orders", "orders"), ("clv", "revenue"))
        ),
        _line(
            "still_a_customer",
            round(row["alive"], 4),
            newest,
            "user_order_history_daily",
            keys=[user_id],
            confidence="BG/NBD",
        ),
    ]


def _gap(moments: list[datetime]) -> float | None:
    """Return the mean days from one order to the next, of moments with the newest first."""
    if len(moments) < 2:
        return None
    return round((moments[0] - moments[-1]).total_seconds() / 86_400 / (len(moments) - 1), 2)


def _scores(scores: dict[str, Any] | None) -> list[Line]:
    if scores is None:
        return []
    at, by = scores["as_of"], "the approved churn model; its evaluation says how well it is calibrated"

    def day(days: float | None) -> str | None:
        return None if days is None else (at + timedelta(days=days)).date().isoformat()

    lines = [
        _line("churn_probability", round(scores["churn_probability"], 4), at, SCORES, confidence=by),
        _line(
            "expected_revenue",
            round(scores["expected_revenue"], 2),
            at,
            SCORES,
            confidence=by,
            interval=(scores["revenue_low"], scores["revenue_high"]),
        ),
        _line(
            "expected_next_order",
            day(scores["next_order_days"]),
            at,
            SCORES,
            confidence=by,
            why="more likely than not there is none within a year",
        )
        | {"interval": [day(scores["next_order_low"]), day(scores["next_order_high"])]},
        _line(
            "win_back",
            {"on_list": scores["win_back"], "held_out": scores["held_out"], "reasons": scores["reasons"]},
            at,
            SCORES,
            confidence=by,
        ),
    ]
    if scores.get("price_sensitivity") is not None:
        spread = scores["price_sensitivity_spread"]
        value = scores["price_sensitivity"]
        lines.append(_line("price_sensitivity", round(value, 4), at, SCORES, interval=(value - spread, value + spread)))
    return lines


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.0%}"


def _row(connection: "duckdb.DuckDBPyConnection", mart: str, user_id: str) -> dict[str, Any] | None:
    rows = connection.sql(f"select * from {mart} where user_id = $1", params=[user_id]).to_arrow_table().to_pylist()
    return rows[0] if rows else None


def _newest(connection: "duckdb.DuckDBPyConnection", mart: str, user_id: str) -> dict[str, Any] | None:
    query = f"select * from {mart} where user_id = $1 order by feature_timestamp desc limit 1"
    rows = connection.sql(query, params=[user_id]).to_arrow_table().to_pylist()
    return rows[0] if rows else None
