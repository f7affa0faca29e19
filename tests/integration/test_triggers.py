"""Triggers of a home at work: the collector's own writer, a real webhook server, and processes that are killed."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import SecretStr
from running import SHOPSIGHT, free_port
from typer.testing import CliRunner
from webhook_server import WebhookServer, webhook_server

from cli.app import app
from models.triggers.book import TriggerBook
from models.triggers.engine import Due, Evidence
from models.triggers.judging import Firing, is_held_out
from serving.triggers.following import JournalSource, MissedEventsError
from serving.triggers.ledger import Ledger, decisions_of, journal_path, line_of, read_journal
from serving.triggers.replaying import firings_of
from serving.triggers.running import Triggers, run_triggers
from shopsight.clock import rfc3339, utc_now
from shopsight.ingestion.collecting.group_commit import GroupCommit, Request
from shopsight.ingestion.collecting.items import ItemChange
from shopsight.ingestion.collecting.landing import land_collected
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.marts import export_path
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings, tool_environment
from shopsight.webhook_signature import signature

CART = {"name": "cart", "when": "abandoned_cart", "after_minutes": 0.02}
DROP = {"name": "cheaper", "when": "price_drop"}
LAMP = Evidence(what="add_to_cart", at=datetime(2026, 5, 1, 11, tzinfo=UTC), event_id="e1", item_id="lamp")
NEVER_QUIET = {"starts": 0, "ends": 0}


def write_book(settings: Settings, url: str, *triggers: dict[str, Any], **more: Any) -> TriggerBook:
    book = {"webhook": url, "quiet_hours": NEVER_QUIET, "triggers": list(triggers), **more}
    settings.triggers_path.parent.mkdir(parents=True, exist_ok=True)
    settings.triggers_path.write_text(yaml.safe_dump(book))
    return TriggerBook.read(settings.triggers_path)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as box:
        yield box


@pytest.fixture
def collector(home: Settings) -> Iterator[GroupCommit]:
    commit = open_commit(home, now=utc_now)
    yield commit
    commit.close()


def sent_user(home: Settings, trigger: str, number: int = 0) -> str:
    """Return a user of the shop whom the lot does not hold out."""
    pseudonym = Pseudonymiser.from_settings(home).user
    users = [f"user {n}" for n in range(100)]
    return [user for user in users if not is_held_out(trigger, pseudonym(user), 0.2)][number]


def event(name: str, user: str, item_id: str | None = "lamp", *, ago: float = 0.0, **more: Any) -> dict[str, Any]:
    moment = utc_now() - timedelta(seconds=ago)
    said = {"event_name": name, "event_timestamp": rfc3339(moment), "user_id": user, "item_id": item_id, **more}
    return {name: value for name, value in said.items() if value is not None}


def collect(commit: GroupCommit, *events: dict[str, Any], items: tuple[dict[str, Any], ...] = ()) -> None:
    changes = tuple(ItemChange(line=json.dumps(one).encode()) for one in items)
    outcome = commit.take(Request(events=list(events), items=changes)).result(10)
    assert (outcome.refusals, outcome.item_refusals) == ((), ())


@contextmanager
def fired(settings: Settings) -> Iterator[None]:
    """Fire triggers in a thread, as `shopsight up` does."""
    stopping, said = threading.Event(), list[str]()
    thread = threading.Thread(target=run_triggers, args=(settings, stopping), kwargs={"report": said.append})
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(20)
    assert said == []


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def standing_at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def are_delivered(home: Settings) -> bool:
    sent = [one for one in decisions_of(read_journal(home)) if one["decision"] == "sent"]
    return all(one["delivery"] == "delivered" for one in sent)


def bodies(server: WebhookServer) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in server.requests]


def test_a_trigger_is_posted_signed_within_five_seconds_of_the_moment_it_is_due(
    home: Settings, collector: GroupCommit, server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_NOTIFY_WEBHOOK_SECRET", "between the two of us")
    settings = home.model_copy(update={"notify_webhook_secret": SecretStr("between the two of us")})
    write_book(settings, server.url, CART, DROP)
    ada, bob = sent_user(home, "cart"), sent_user(home, "cheaper", 3)
    collect(collector, items=({"item_id": "lamp", "price": 100, "currency": "EUR"},))
    with fired(settings):
        began = time.monotonic()
        collect(collector, event("view_item", bob), event("add_to_cart", ada, "shoe"))
        wait_for(lambda: len(server.requests) == 1)
        assert time.monotonic() - began < 5 + 60 * 0.02
        began = time.monotonic()
        collect(collector, items=({"item_id": "lamp", "price": 80},))
        collect(collector, items=({"item_id": "lamp", "price": 79},))
        wait_for(lambda: len(server.requests) == 2)
        assert time.monotonic() - began < 5
    headers, body = next(one for one in server.requests if json.loads(one[1])["trigger"] == "cheaper")
    message, stamp = json.loads(body), headers["x-shopsight-signature"].split(",")[0]
    assert headers["x-shopsight-signature"] == signature("between the two of us", body, at=int(stamp[2:]))
    assert headers["x-shopsight-firing"] == message["id"]
    assert message["user_id"] == Pseudonymiser.from_settings(home).user(bob)
    assert [one["what"] for one in message["why"]] == ["view_item", "price_drop"]
    decisions = decisions_of(read_journal(home))
    assert {(one["trigger"], one["decision"], one["delivery"]) for one in decisions} == {
        ("cart", "sent", "delivered"),
        ("cheaper", "sent", "delivered"),
    }


def test_who_is_held_out_or_forbids_personal_use_is_sent_nothing(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, {**CART, "hold_out": 0.5})
    users = [f"user {n}" for n in range(40)]
    pseudonym = Pseudonymiser.from_settings(home).user
    collect(collector, *(event("add_to_cart", user) for user in users[:39]))
    collect(collector, event("add_to_cart", users[39], consent="analytics_only"))
    with fired(home):
        wait_for(lambda: len(decisions_of(read_journal(home))) == 39)
        wait_for(lambda: are_delivered(home))
    out = {pseudonym(user) for user in users[:39] if is_held_out("cart", pseudonym(user), 0.5)}
    assert {one["user_id"] for one in bodies(server)} == {pseudonym(user) for user in users[:39]} - out
    assert {one["user_id"] for one in decisions_of(read_journal(home)) if one["decision"] == "held_out"} == out


def test_what_was_fired_is_not_fired_again_after_a_restart_and_a_landing(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, CART)
    collect(collector, event("add_to_cart", sent_user(home, "cart")))
    with fired(home):
        wait_for(lambda: len(server.requests) == 1)
    with fired(home):
        time.sleep(0.5)
    collector.close()
    land_collected(home, received_at=utc_now())
    with fired(home):
        time.sleep(0.5)
    assert len(server.requests) == 1


def test_a_post_that_nobody_knows_the_end_of_is_never_posted_again(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    book = write_book(home, server.url, CART)
    server.hanging = threading.Event()
    collect(collector, event("add_to_cart", sent_user(home, "cart"), ago=5))
    dying = Triggers(home, book)
    dying.step()
    wait_for(lambda: len(server.requests) == 1)
    with fired(home):  # what a new process finds after the old one was killed
        wait_for(lambda: decisions_of(read_journal(home))[0]["delivery"] == "unconfirmed")
        time.sleep(0.5)
    server.hanging.set()
    dying.close()
    assert len(server.requests) == 1


def test_what_was_surely_not_taken_is_posted_again(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, CART)
    server.status = 503
    collect(collector, event("add_to_cart", sent_user(home, "cart"), ago=5))
    with fired(home):
        wait_for(lambda: len(server.requests) == 1)
        server.status = 204
        wait_for(lambda: decisions_of(read_journal(home))[0]["delivery"] == "delivered")
    assert len({one["id"] for one in bodies(server)}) == 1


def test_what_is_older_than_the_delay_allows_is_left_out(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, CART, max_delay_minutes=1)
    collect(collector, event("add_to_cart", sent_user(home, "cart"), ago=300))
    collect(collector, event("add_to_cart", sent_user(home, "cart", 1), ago=5))
    with fired(home):
        wait_for(lambda: len(server.requests) == 1)
        time.sleep(0.5)
    assert len(server.requests) == 1


def test_what_the_night_put_off_is_sent_in_the_morning_by_a_process_that_was_started_in_between(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    book = write_book(home, server.url, CART, quiet_hours={"starts": 21, "ends": 8})
    night = (utc_now() - timedelta(days=2)).replace(hour=23, minute=0, second=0, microsecond=0)
    left = event("add_to_cart", sent_user(home, "cart")) | {"event_timestamp": rfc3339(night)}
    collect(collector, left)
    for hours in (1, 4):
        with closing(Triggers(home, book, now=standing_at(night + timedelta(hours=hours)))) as by_night:
            by_night.step()
        assert decisions_of(read_journal(home)) == []
    with closing(Triggers(home, book, now=standing_at(night + timedelta(hours=9, minutes=10)))) as by_day:
        by_day.step()
    assert [one["due_at"] for one in bodies(server)] == [rfc3339(night + timedelta(seconds=1.2))]


def test_live_and_replayed_the_same_events_fire_the_same(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    book = write_book(home, server.url, CART, {"name": "help", "when": "abandoned_search", "after_minutes": 0.01})
    began = utc_now() - timedelta(seconds=1)
    with fired(home):
        searched = [event("search", f"user {n}", None, query="lamp") for n in range(12)]
        carts = [event("add_to_cart", f"user {n}", f"item {n}") for n in range(9)]
        orders = [
            event("purchase", f"user {n}", f"item {n}", order_id=f"o{n}", price=10, currency="EUR") for n in range(3)
        ]
        collect(collector, *searched, *carts, *orders)
        wait_for(lambda: len(decisions_of(read_journal(home))) == 9)
        time.sleep(0.5)
    collector.close()
    land_collected(home, received_at=utc_now())
    live = {(one["id"], one["decision"]) for one in decisions_of(read_journal(home))}
    replayed = {(due.id, what) for what, due, _ in firings_of(home, book, began, utc_now() + timedelta(seconds=5))}
    assert live == replayed


def test_orders_make_win_back_first_order_and_replenishment_due(home: Settings) -> None:
    day = datetime(2026, 5, 1, 12, tzinfo=UTC)
    rules = [
        {"name": "come-back", "when": "win_back", "after_days": 60},
        {"name": "thanks", "when": "first_order_follow_up", "after_days": 3},
        {"name": "refill", "when": "replenishment", "min_repeats": 3},
    ]
    book = write_book(home, "http://127.0.0.1:9/", *rules)
    bought = [("u_ada", -60), ("u_bob", -60), ("u_bob", -10), ("u_new", -2)]
    bought += [(f"u_{n}", day_) for n in range(3) for day_ in (-40 - n, -20 - n)]  # twenty days after each other
    bought += [("u_dry", -19)]
    rows = pa.table(
        {
            "user_id": [user for user, _ in bought],
            "order_key": [f"o{n}" for n in range(len(bought))],
            "item_id": ["coffee" if user.startswith(("u_0", "u_1", "u_2", "u_dry")) else "lamp" for user, _ in bought],
            "ordered_at": pa.array([day + timedelta(days=n) for _, n in bought], pa.timestamp("us", tz="UTC")),
            "quantity": [1] * len(bought),
            "currency": ["EUR"] * len(bought),
        }
    )
    home.exports_dir.mkdir(parents=True)
    for name in ("orders", "order_items"):
        pq.write_table(rows, export_path(home, name))
    firings = firings_of(home, book, day - timedelta(hours=1), day + timedelta(days=2))
    made = {(due.trigger, due.shopper, due.at - day) for what, due, _ in firings if what in ("sent", "held_out")}
    assert made == {
        ("come-back", "u_ada", timedelta(0)),
        ("thanks", "u_new", timedelta(days=1)),
        ("refill", "u_0", timedelta(0)),
        ("refill", "u_dry", timedelta(days=1)),
    }


def test_a_segment_that_landed_before_it_was_read_is_noticed(home: Settings, collector: GroupCommit) -> None:
    source = JournalSource(home.collected_dir)
    collect(collector, event("view_item", "ada"))
    assert len(list(source.new_rows())) == 1
    collect(collector, event("view_item", "bob"))
    collector.close()
    land_collected(home, received_at=utc_now())
    with pytest.raises(MissedEventsError):
        list(source.new_rows())
    assert list(source.new_rows()) == []


def test_the_commands_say_what_would_fire_and_what_it_did(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, CART)
    collect(collector, *(event("add_to_cart", f"user {n}") for n in range(10)))
    with fired(home):
        wait_for(lambda: len(decisions_of(read_journal(home))) == 10)
        wait_for(lambda: are_delivered(home))
    collector.close()
    land_collected(home, received_at=utc_now())

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["triggers", *arguments, "--json"], catch_exceptions=False)
        return json.loads(done.stdout)

    assert call("check")["against"] == []
    replayed = call("replay", "--days", "7")["triggers"]["cart"]
    # The log ends with the newest event, before any cart has been left alone for long enough.
    assert replayed["due"] <= 10
    report = call("report")["triggers"]["cart"]
    assert report["sent"] + report["held_out"] == 10
    assert report["delivered"] == report["sent"]
    assert report["seconds_late"]["p99"] < 5
    assert "no marts yet" in report["effect"]["verdict"]


def test_what_is_wrong_with_file_or_journal_is_reported_and_mended_without_a_restart(
    home: Settings, collector: GroupCommit, server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.triggers.running.RESTART_SECONDS", 0.05)
    collect(collector, event("add_to_cart", sent_user(home, "cart"), ago=5))
    stopping, said = threading.Event(), list[str]()
    home.triggers_path.write_text("triggers: [{name: cart, when: full_moon}]")
    journal_path(home).parent.mkdir(parents=True)
    journal_path(home).write_text("no line of JSON\n")
    thread = threading.Thread(target=run_triggers, args=(home, stopping), kwargs={"report": said.append})
    thread.start()
    wait_for(lambda: len(said) == 1)
    write_book(home, server.url, CART)
    wait_for(lambda: len(said) == 2)
    journal_path(home).unlink()
    wait_for(lambda: len(server.requests) == 1)
    stopping.set()
    thread.join(20)
    assert "does not match any of the expected tags" in said[0]
    assert "JSONDecodeError" in said[1]


def test_a_line_that_could_not_be_written_leaves_nothing(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(home)
    ledger.write([{"id": "a"}])

    def no_room(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("serving.triggers.ledger.os.fsync", no_room)
        with pytest.raises(OSError, match="no space"):
            ledger.write([{"id": "b"}])
    ledger.write([{"id": "c"}])
    ledger.close()
    assert [one["id"] for one in read_journal(home)] == ["a", "c"]


def test_the_report_says_what_a_trigger_added_and_why_a_shopper_got_it(home: Settings) -> None:
    write_book(home, "http://127.0.0.1:9/", {**CART, "effect_days": 3})
    began = datetime(2026, 5, 1, 12, tzinfo=UTC)
    users = [f"u_{n}" for n in range(1_000)]
    out = {user for user in users if is_held_out("cart", user, 0.2)}
    # Every fourth shopper to whom it was sent orders, and every tenth of the others.
    buyers = [user for n, user in enumerate(users) if n % 10 == 0 or (user not in out and n % 20 in (1, 2, 3))]
    ledger = Ledger(home)
    for user in users:
        due = Due(trigger="cart", when="abandoned_cart", shopper=user, at=began, cause="e", evidence=(LAMP,))
        ledger.write([line_of(Firing(due=due, at=began, decision="held_out" if user in out else "sent"))])
    ledger.close()
    home.exports_dir.mkdir(parents=True)
    write_table(home, "orders", user_id=buyers, ordered_at=[began + timedelta(days=1)] * len(buyers), net_revenue=10.0)
    write_table(home, "sessions", ended_at=[began + timedelta(days=9)])
    done = CliRunner().invoke(app, ["triggers", "report", "--json"], catch_exceptions=False)
    effect = json.loads(done.stdout)["triggers"]["cart"]["effect"]
    assert effect["verdict"] == "it added orders"
    added = effect["orders"]["per_shopper"]
    assert added["low"] < 0.15 < added["high"]
    why = CliRunner().invoke(app, ["triggers", "why", min(out)], catch_exceptions=False).stdout
    assert "not sent: held out by lot" in why
    assert "add_to_cart lamp at 2026-05-01T11:00:00Z" in why


def write_table(home: Settings, name: str, **columns: Any) -> None:
    size = max(len(values) for values in columns.values() if isinstance(values, list))
    rows = {key: values if isinstance(values, list) else [values] * size for key, values in columns.items()}
    pq.write_table(pa.table(rows), export_path(home, name))


@pytest.mark.slow
def test_a_collector_over_http_beside_up_fires_within_five_seconds(home: Settings, server: WebhookServer) -> None:
    port = free_port()
    write_book(home, server.url, DROP)
    environment = os.environ | tool_environment(home) | {"SHOPSIGHT_COLLECTOR_PORT": str(port)}
    user = sent_user(home, "cheaper")
    up = subprocess.Popen([SHOPSIGHT, "up", "--only", "collector"], env=environment)
    try:

        def send(method: str, path: str, document: dict[str, Any]) -> None:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/{path}",
                json.dumps(document).encode(),
                {"content-type": "application/json"},
                method=method,
            )
            urllib.request.urlopen(request, timeout=20).close()

        def is_up() -> bool:
            try:
                send("PUT", "items", {"items": [{"item_id": "lamp", "price": 100, "currency": "EUR"}]})
            except OSError:
                return False
            return True

        wait_for(is_up, 120)
        send("POST", "events", {"events": [event("view_item", user)]})
        began = time.monotonic()
        send("PUT", "items", {"items": [{"item_id": "lamp", "price": 50}]})
        wait_for(lambda: len(server.requests) == 1)
        assert time.monotonic() - began < 5
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_posts_nothing_twice_and_forgets_nothing(
    home: Settings, collector: GroupCommit, server: WebhookServer
) -> None:
    write_book(home, server.url, CART)
    users = 2_000
    for begin in range(0, users, 500):
        collect(collector, *(event("add_to_cart", f"user {n}", ago=5) for n in range(begin, begin + 500)))
    environment = os.environ | tool_environment(home)
    kills = 0
    while True:
        before = len(server.requests)
        process = subprocess.Popen([SHOPSIGHT, "triggers", "run"], env=environment)
        wait_for(partial(_has_gone_on, home, server, before, users), 60)
        process.kill()
        process.wait()
        if _over(home, users):
            break
        kills += 1
    assert kills >= 3
    posted = Counter(one["id"] for one in bodies(server))
    assert set(posted.values()) == {1}
    decisions = decisions_of(read_journal(home))
    assert len(decisions) == users
    sent = [one for one in decisions if one["decision"] == "sent"]
    assert {one["id"] for one in sent if one["delivery"] == "delivered"} <= set(posted)
    unconfirmed = [one for one in sent if one["delivery"] == "unconfirmed"]
    assert len(unconfirmed) <= 64 * kills
    assert len(sent) == sum(one["delivery"] in ("delivered", "unconfirmed") for one in sent)


def _has_gone_on(home: Settings, server: WebhookServer, before: int, users: int) -> bool:
    return len(server.requests) > before + 150 or _over(home, users)


def _over(home: Settings, users: int) -> bool:
    decisions = decisions_of(read_journal(home))
    over = ("delivered", "unconfirmed")
    return len(decisions) == users and all(one["delivery"] in over for one in decisions if one["decision"] == "sent")
