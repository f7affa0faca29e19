"""What the shop knows of a shopper, as lines that name their evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.profiling.facts import Facts, Row, read_facts
from models.profiling.forecasts import YEAR, Forecasts
from models.profiling.lines import Line, make_line, with_look_alikes
from models.profiling.sources import GROUPS, SCORES

if TYPE_CHECKING:
    import duckdb

NOT_GIVEN: Final = "not given: gender, age and other protected attributes are never guessed"


def profile(
    connection: "duckdb.DuckDBPyConnection",
    user_id: str,
    *,
    forecasts: Forecasts | None,
    has_scores: bool,
    has_groups: bool = False,
    alike: Callable[[str], Sequence[tuple[str, float]]] | None = None,
) -> dict[str, Any] | None:
    """Return the profile of a shopper; None where the marts do not know them.

    Args:
        connection: with :data:`models.profiling.sources.MARTS` (and ``churn_scores``, where there are such) as views,
            without whoever refuses.
        user_id: as the marts have it.
        forecasts: of all customers; None where the log is too short.
        has_scores: whether ``churn_scores`` is among the views.
        has_groups: whether ``user_groups`` is.
        alike: returns look-alikes with their cosine; None without an approved recommender.

    Returns:
        ``user_id, consent, lines, not_known, last_month``. A line has ``field, value, as_of, evidence, interval,
        confidence, consent``. Of who refuses personal use there are no lines.
    """
    for document in profiles(connection, [user_id], forecasts=forecasts, has_scores=has_scores, has_groups=has_groups):
        last_month = forecasts.last_month if forecasts and document["lines"] else {}
        return with_look_alikes(document, alike(user_id) if alike else ()) | {"last_month": last_month}
    return None


def profiles(
    connection: "duckdb.DuckDBPyConnection",
    users: Sequence[str] | None = None,
    *,
    forecasts: Forecasts | None,
    has_scores: bool,
    has_groups: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the profiles of some shoppers, or of everybody, in the order of the ids.

    As :func:`profile`, without what is not one shopper's alone: ``last_month`` and the line of look-alikes, which
    names others. Those whom the marts do not know are passed over.
    """
    table = None if forecasts is None else forecasts.table
    for user_id, facts in read_facts(connection, users, forecasts=table, has_scores=has_scores, has_groups=has_groups):
        yield _document(user_id, facts, has_forecasts=forecasts is not None, errors=_errors(forecasts))


def _errors(forecasts: Forecasts | None) -> Mapping[str, float]:
    return {} if forecasts is None else forecasts.last_month


def _document(user_id: str, facts: Facts, *, has_forecasts: bool, errors: Mapping[str, float]) -> dict[str, Any]:
    account = facts.account
    if account["consent"] != "granted" or facts.state is None:
        why = (
            "consent forbids personal use"
            if account["consent"] != "granted"
            else "no behaviour of personal use is known"
        )
        return {"user_id": user_id, "consent": account["consent"], "lines": [], "not_known": {"*": why}}
    lines = [*_given(account), *_life(facts, facts.state), *_tastes(facts.state, facts.taste), *_habits(facts)]
    lines += [*_words(facts.words), *_value(facts, has_forecasts=has_forecasts, errors=errors)]
    if facts.scores is not None:
        lines += _scores(facts.scores)
    if facts.group is not None:
        group = {"id": facts.group["behaviour_group"], **{name: facts.group[name] for name in ("name", "name_zh")}}
        lines.append(make_line("behaviour_group", group, facts.group["as_of"], GROUPS))
    reasons = {line["field"]: line.pop("why", "no row says so") for line in lines}
    return {
        "user_id": user_id,
        "consent": account["consent"],
        "lines": [line for line in lines if line["value"] is not None],
        "not_known": {line["field"]: reasons[line["field"]] for line in lines if line["value"] is None},
    }


def _given(account: Row) -> list[Line]:
    given = [
        make_line(
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
        make_line("country", account["country"], account["last_seen_at"], "users"),
        make_line("segment", account["segment"], account["last_seen_at"], "users"),
    ]


def _life(facts: Facts, state: Row) -> list[Line]:
    account, rfm = facts.account, facts.rfm
    lines = [
        make_line("first_seen", f"{account['first_seen_at']}+00:00", account["first_seen_at"], "users"),
        make_line("last_seen", f"{account['last_seen_at']}+00:00", account["last_seen_at"], "users"),
    ]
    if rfm is not None:
        scores = {name: rfm[f"{name}_score"] for name in ("recency", "frequency", "monetary")}
        lines += [
            make_line("life_cycle_stage", rfm["life_cycle_stage"], rfm["last_order_at"], "rfm"),
            make_line("rfm", scores, rfm["last_order_at"], "rfm"),
        ]
    return [*lines, make_line("sessions_28d", state["sessions_28d"], state["feature_timestamp"], "user_features_daily")]


def _tastes(state: Row, taste: Row) -> list[Line]:
    at, mart = taste.get("feature_timestamp"), "user_taste_features_daily"
    band = [taste.get(f"price_{name}_28d") for name in ("low", "median", "high")]
    return [
        make_line(
            "favourite_categories",
            taste.get("top_categories"),
            at,
            mart,
            confidence=f"the first has {_share(taste.get('category_share_28d'))} of 28 days' events",
        ),
        make_line(
            "favourite_brands",
            taste.get("top_brands"),
            at,
            mart,
            confidence=f"the first has {_share(taste.get('brand_share_28d'))} of 28 days' events",
        ),
        make_line(
            "price_band", None if band[1] is None else dict(zip(("low", "median", "high"), band, strict=True)), at, mart
        ),
        make_line("discount_share_28d", taste.get("discount_share_28d"), at, mart),
        make_line("mean_price_28d", state["mean_price_28d"], state["feature_timestamp"], "user_features_daily"),
    ]


def _habits(facts: Facts) -> list[Line]:
    taste, mart = facts.taste, "user_taste_features_daily"
    at = taste.get("feature_timestamp")
    names = (
        "active_days_28d",
        "days_between_visits_28d",
        "favourite_hour",
        "favourite_weekday",
        "evening_share_28d",
        "weekend_share_28d",
        "mean_rating_given",
    )
    lines = [make_line(name, taste.get(name), at, mart) for name in names]
    mix = {name: taste.get(f"{name}_share_28d") for name in ("search", "question", "review", "buying")}
    lines.append(make_line("intent_mix_28d", mix if any(one is not None for one in mix.values()) else None, at, mart))
    return lines + [
        make_line(
            name,
            row["value"],
            row["newest"],
            "sessions",
            keys=row["sessions"],
            confidence=f"{row['visits']} of {row['total']} visits",
        )
        for name, row in (("channel", facts.channel), ("device", facts.device))
        if row is not None
    ]


def _words(rows: Sequence[Row]) -> list[Line]:
    if not rows:
        return []
    texts = [{"channel": row["channel"], "text": row["text"]} for row in rows]
    keys = [row["utterance_id"] for row in rows]
    return [make_line("last_words", texts, rows[0]["event_timestamp"], "utterances", keys=keys)]


def _value(facts: Facts, *, has_forecasts: bool, errors: Mapping[str, float]) -> list[Line]:
    row = facts.orders or {"orders": 0, "net_revenue": 0.0, "first": None, "last": None, "order_keys": []}
    count, spent, last, keys = row["orders"], row["net_revenue"], row["last"], row["order_keys"]
    gap = round((last - row["first"]).total_seconds() / 86_400 / (count - 1), 2) if count > 1 else None
    lines = [
        make_line("historic_orders", count, last, "orders", keys=keys),
        make_line("historic_clv", round(spent, 2), last, "orders", keys=keys),
        make_line("average_order_value", round(spent / count, 2) if count else None, last, "orders", keys=keys),
        make_line("average_days_between_orders", gap, last, "orders", keys=keys, why="fewer than two orders"),
    ]
    if facts.forecast is None:
        why = "no order is known" if has_forecasts else "too few customers ordered twice for a forecast"
        names = ("predicted_orders_365d", "predicted_clv_365d")
        return [*lines, *(make_line(name, None, None, "user_order_history_daily", why=why) for name in names)]
    return [*lines, *_forecast(facts.account["user_id"], facts.forecast, errors)]


def _forecast(user_id: str, row: Row, errors: Mapping[str, float]) -> list[Line]:
    newest, mart = (
        datetime.fromtimestamp(row["last_order_us"] / 1e6, UTC).replace(tzinfo=None),
        "user_order_history_daily",
    )
    return [
        *(
            make_line(
                f"predicted_{name}_{YEAR}d",
                round(row[f"{column}_365d"], 4),
                newest,
                mart,
                keys=[user_id],
                interval=(row[f"{column}_365d_low"], row[f"{column}_365d_high"]),
                error=errors.get(f"{column}_mae"),
                confidence="BG/NBD with Gamma-Gamma; the interval holds four fifths",
            )
            for name, column in (("orders", "orders"), ("clv", "revenue"))
        ),
        make_line("still_a_customer", round(row["alive"], 4), newest, mart, keys=[user_id], confidence="BG/NBD"),
    ]


def _scores(scores: Row) -> list[Line]:
    at, by = scores["as_of"], "the approved churn model; its evaluation says how well it is calibrated"

    def day(days: float | None) -> str | None:
        return None if days is None else (at + timedelta(days=days)).date().isoformat()

    lines = [
        make_line("churn_probability", round(scores["churn_probability"], 4), at, SCORES, confidence=by),
        make_line(
            "expected_revenue",
            round(scores["expected_revenue"], 2),
            at,
            SCORES,
            confidence=by,
            interval=(scores["revenue_low"], scores["revenue_high"]),
        ),
        make_line(
            "expected_next_order",
            day(scores["next_order_days"]),
            at,
            SCORES,
            confidence=by,
            why="more likely than not there is none within a year",
        )
        | {"interval": [day(scores["next_order_low"]), day(scores["next_order_high"])]},
        make_line(
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
        lines.append(
            make_line("price_sensitivity", round(value, 4), at, SCORES, interval=(value - spread, value + spread))
        )
    return lines


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.0%}"
