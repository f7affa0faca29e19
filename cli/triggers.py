"""``shopsight triggers check|replay|run|report``: reads the file, the log and the journal, and prints."""

import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from cli.console import err, out, print_json
from models.triggers.book import TriggerBook
from shopsight.clock import rfc3339, utc_now
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.campaigns.lift import Lift

FOLLOWS: Final = {
    "abandoned_cart": "add_to_cart",
    "abandoned_search": "search",
    "back_in_stock": "view_item",
    "price_drop": "view_item",
    "replenishment": "purchase",
    "win_back": "purchase",
    "first_order_follow_up": "purchase",
}
"""The event without which a kind never fires."""
DECISIONS: Final = ("sent", "held_out", "capped", "cooling", "no_account", "consent", "after_the_end")
WORDS: Final = {
    "sent": "sent",
    "held_out": "not sent: held out by lot, so that what it adds can be measured",
    "capped": "not sent: as much was sent as may be",
    "cooling": "not sent: this trigger was due a short while before",
}
COUNTS: Final = """
    select event_name, count(*) from read_parquet($files, hive_partitioning = false)
    where event_timestamp >= $since group by event_name
"""

ORDERS: Final = """
    select user_id, ordered_at, net_revenue::double as net_revenue from orders where ordered_at is not null
"""


def check(file: Path | None, *, as_json: bool) -> bool:
    """Print what each trigger follows, and whether there is any of it; return whether all can fire."""
    settings = Settings()
    book = _book(settings, file)
    newest, counts = _events_of_last_days(settings, 30)
    rows: list[dict[str, Any]] = [
        {
            "trigger": one.name,
            "when": one.when,
            "follows": FOLLOWS[one.when],
            "events_in_30_days": counts[FOLLOWS[one.when]],
            "hold_out": one.hold_out,
        }
        for one in book.triggers
    ]
    against = [f"{row['trigger']}: the log has no {row['follows']}" for row in rows if not row["events_in_30_days"]]
    if book.webhook is None:
        against.append("the file names no webhook: write `webhook: https://…` at its top")
    if settings.notify_webhook_secret is None:
        remark = "firings are not signed: SHOPSIGHT_NOTIFY_WEBHOOK_SECRET is not set"
    else:
        remark = "firings are signed"
    if as_json:
        print_json({"triggers": rows, "newest_event": newest, "against": against, "remark": remark})
        return not against
    table = Table("trigger", "when", "follows", "in the log's last 30 days", "held out")
    for row in rows:
        counted = f"{row['events_in_30_days']:,}"
        table.add_row(row["trigger"], row["when"], row["follows"], counted, f"{row['hold_out']:.0%}")
    out.print(table)
    out.print(remark, markup=False)
    for reason in against:
        err.print(f"cannot fire: {reason}", markup=False, soft_wrap=True)
    return not against


def replay(days: int, file: Path | None, *, as_json: bool) -> None:
    """Print what would have fired on the log's last days.

    Raises:
        ShopsightError: the log is empty.
    """
    from serving.triggers.history import newest_event
    from serving.triggers.replaying import document_of, replay_triggers

    settings = Settings()
    book = _book(settings, file)
    newest = newest_event(settings, before=utc_now())
    if newest is None:
        raise ShopsightError(
            "there is nothing to replay",
            why=f"the event log {settings.event_log_dir} has no events",
            fix="import some (`shopsight import`), or have them collected (`make up`)",
        )
    until = newest + timedelta(microseconds=1)
    since = until - timedelta(days=days)
    document = {"since": since, "until": until, **document_of(replay_triggers(settings, book, since, until))}
    if as_json:
        print_json(document)
        return
    out.print(f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC, as if switched on then; nothing was sent")
    table = Table("trigger", "due", *(name.replace("_", " ") for name in DECISIONS), "put off", "shoppers")
    for name, one in document["triggers"].items():
        counts = (f"{one.get(what, 0):,}" for what in DECISIONS)
        table.add_row(name, f"{one['due']:,}", *counts, f"{one['put_off']:,}", f"{one['shoppers']:,}")
    out.print(table)
    for name, one in document["triggers"].items():
        for example in one["examples"][:1]:
            why = "; ".join(_evidence(item) for item in example["why"][:3])
            out.print(f"{name}, such as {example['user_id']} at {example['at']}: {why}", markup=False, soft_wrap=True)


def run() -> None:
    """Fire triggers until the process is told to end."""
    from serving.triggers.running import run_triggers

    settings, stopping = Settings(), threading.Event()
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: stopping.set())
    err.print(f"triggers of {settings.triggers_path} fire until Ctrl-C", markup=False)
    run_triggers(settings, stopping, report=lambda words: err.print(words, markup=False))


@contextmanager
def fired(settings: Settings) -> Iterator[None]:
    """Fire triggers in a thread for the length of a block; what goes wrong there is logged and stops nothing else."""
    stopping = threading.Event()

    def work() -> None:
        from serving.triggers.running import run_triggers

        try:
            run_triggers(settings, stopping)
        except ShopsightError as error:  # another process fires them
            logging.getLogger("shopsight.triggers").warning("%s", error)

    thread = threading.Thread(target=work, name="triggers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(15)


def report(*, as_json: bool) -> None:
    """Print what fired and what it added.

    Raises:
        ShopsightError: nothing was decided yet.
    """
    from serving.triggers.ledger import decisions_of, read_journal

    settings = Settings()
    lines = list(read_journal(settings))
    decisions = decisions_of(lines)
    if not decisions:
        raise ShopsightError(
            "no trigger was due yet",
            why=f"{settings.triggers_dir / 'journal.jsonl'} has no line",
            fix="`shopsight triggers check` says what is missing; `make up` fires what is due",
        )
    book = TriggerBook.read(settings.triggers_path) if settings.triggers_path.exists() else TriggerBook()
    document = _report(settings, book, decisions, {line["id"]: line["at"] for line in lines if "delivery" in line})
    if as_json:
        print_json(document)
        return
    table = Table("trigger", "sent", "delivered", "held out", "capped", "cooling", "s late, median", "orders added")
    for name, one in document["triggers"].items():
        late = "–" if one["seconds_late"] is None else f"{one['seconds_late']['median']:.1f}"
        table.add_row(
            name,
            *(f"{one[what]:,}" for what in ("sent", "delivered", "held_out", "capped", "cooling")),
            late,
            _added(one["effect"]),
        )
    out.print(table)
    for name, one in document["triggers"].items():
        out.print(f"{name}: {one['effect']['verdict']}", markup=False, soft_wrap=True)


def explain_to(user: str, *, as_json: bool) -> None:
    """Print what was decided of a shopper, newest last."""
    from serving.triggers.ledger import decisions_of, read_journal
    from shopsight.privacy import Pseudonymiser

    settings = Settings()
    decisions = decisions_of(read_journal(settings))
    pseudonym = user
    if all(one["user_id"] != user for one in decisions):
        pseudonym = Pseudonymiser.from_settings(settings).user(user)
    own = [one for one in decisions if one["user_id"] == pseudonym]
    if as_json:
        print_json({"user_id": pseudonym, "decisions": own})
        return
    if not own:
        out.print(f"{pseudonym}: no trigger was due", markup=False)
    for one in own:
        ended = f", {one['delivery']}" if one["delivery"] else ""
        out.print(f"{one['at']:%Y-%m-%d %H:%M} {one['trigger']}: {WORDS[one['decision']]}{ended}", markup=False)
        for item in one["why"]:
            out.print(f"  {_evidence(item)}", markup=False, soft_wrap=True)


def _report(
    settings: Settings, book: TriggerBook, decisions: list[dict[str, Any]], stepped: dict[str, str]
) -> dict[str, Any]:
    import pandas as pd

    from models.triggers.report import effect
    from shopsight.marts import export_path, mart_exists, open_marts

    orders, read_until = pd.DataFrame({"user_id": [], "ordered_at": [], "net_revenue": []}), None
    if all(mart_exists(export_path(settings, name)) for name in ("orders", "sessions")):
        with open_marts(settings, ("orders", "sessions")) as connection:
            orders = connection.execute(ORDERS).df()
            row = connection.execute("select max(ended_at) from sessions").fetchone()
            read_until = row[0] if row else None
    rules = {one.name: one for one in book.triggers}
    answer: dict[str, Any] = {}
    for name in sorted({one["trigger"] for one in decisions}):
        own = [one for one in decisions if one["trigger"] == name]
        counts = Counter(one["decision"] for one in own)
        deliveries = Counter(one["delivery"] or "decided" for one in own if one["decision"] == "sent")
        late = [
            (datetime.fromisoformat(stepped[one["id"]]) - datetime.fromisoformat(one["due_at"])).total_seconds()
            for one in own
            if one["delivery"] == "delivered"
        ]
        answer[name] = {
            "when": own[0]["when"],
            **{what: counts[what] for what in ("sent", "held_out", "capped", "cooling")},
            **{what: deliveries[what] for what in ("delivered", "refused", "unconfirmed", "given_up")},
            "seconds_late": None
            if not late
            else {"median": float(pd.Series(late).median()), "p99": float(pd.Series(late).quantile(0.99))},
        }
        answer[name]["effect"] = _no_effect(
            "the triggers file has it no more, and so does not say for how long to count"
        )
        if read_until is None:
            answer[name]["effect"] = _no_effect("there are no marts yet: `shopsight run` makes them")
        elif name in rules:
            frame = pd.DataFrame([one for one in own if one["decision"] in ("sent", "held_out")])
            columns = frame[["user_id", "at", "decision"]] if len(frame) else _none()
            made = effect(
                columns,
                orders,
                effect_days=rules[name].effect_days,
                hold_out=rules[name].hold_out,
                read_until=read_until,
            )
            answer[name]["effect"] = {
                "sent": made.sent,
                "held_out": made.held_out,
                "not_over": made.not_over,
                "days": rules[name].effect_days,
                "orders": _lift(made.orders),
                "money": _lift(made.money),
                "broken": made.broken,
                "verdict": made.verdict,
            }
    return {"read_until": None if read_until is None else rfc3339(read_until), "triggers": answer}


def _none() -> Any:
    import pandas as pd

    return pd.DataFrame({"user_id": [], "at": pd.to_datetime([], utc=True), "decision": []})


def _no_effect(why: str) -> dict[str, Any]:
    return {"orders": None, "money": None, "broken": None, "verdict": f"nothing is claimed: {why}"}


def _lift(one: "Lift | None") -> dict[str, Any] | None:
    return None if one is None else asdict(one) | {"is_sure": one.is_sure}


def _added(effect: dict[str, Any]) -> str:
    if effect["orders"] is None or effect["broken"]:
        return "–"
    total = effect["orders"]["total"]
    return f"{total['value']:+,.1f} [{total['low']:+,.1f}, {total['high']:+,.1f}]"


def _evidence(one: dict[str, Any]) -> str:
    about = one.get("query") or one.get("item_id") or one.get("event_id") or ""
    detail = f" ({one['detail']})" if "detail" in one else ""
    return f"{one['what']} {about} at {one['at']}{detail}"


def _book(settings: Settings, file: Path | None) -> TriggerBook:
    return TriggerBook.read(file or settings.triggers_path)


def _events_of_last_days(settings: Settings, days: int) -> tuple[str | None, Counter[str]]:
    from serving.triggers.history import event_files, newest_event
    from shopsight.marts import open_duckdb

    newest = newest_event(settings, before=utc_now())
    if newest is None:
        return None, Counter()
    since = newest - timedelta(days=days)
    with open_duckdb() as connection:
        rows = connection.execute(COUNTS, {"files": event_files(settings, since), "since": since}).fetchall()
    return rfc3339(newest), Counter(dict(rows))
