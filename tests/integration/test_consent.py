"""A shopper who takes back consent leaves every list and online view; one who wants to be counted only is in none."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import read_marts
from typer.testing import CliRunner

from cli.app import app
from orchestration.defs.features.assets import online_features
from serving.features import feature_reader
from shopsight.consent import PERSONAL_EXPORTS
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.ingestion.importers import import_file
from shopsight.marts import open_marts
from shopsight.privacy import Pseudonymiser
from shopsight.refusals import read_refusals
from shopsight.settings import Settings, tool_environment
from shopsight.stated_consent import state_consent
from shopsight.warehouse import DbtError, run_dbt

FIRST_DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GONE = ("by_event", "by_file", "by_request", "by_device", "counted")
"""Who takes back consent, in each of the ways, and one who only ever wanted to be counted."""
STAY = ("stays", "stays_too")
VISIT: tuple[tuple[str, dict[str, str]], ...] = (
    ("view_item", {"item_id": "lamp"}),
    ("search", {"query": "lamp"}),
    ("view_item", {"item_id": "rug"}),
    ("add_to_cart", {"item_id": "rug"}),
    ("rate_item", {"item_id": "rug", "value": "4", "text": "soft"}),
    ("purchase", {"item_id": "rug", "quantity": "1"}),
    ("page_view", {}),
)

Places = dict[str, set[str]]
"""Who is in each personal export and each online table."""


def history(who: str, *, consent: str = "granted") -> Iterator[dict[str, str]]:
    """Yield a shopper's visits of two days, each with an order."""
    person = {"anonymous_id": who} if who == "by_device" else {"user_id": who}
    shared = {**person, "consent": consent, "category": "Home", "price": "10", "currency": "EUR"}
    for day in (0, 1):
        for number, (name, columns) in enumerate(VISIT):
            at = FIRST_DAY + timedelta(days=day, minutes=number)
            order = {"order_id": f"o-{who}-{day}"} if name == "purchase" else {}
            event = {"event_id": f"{who}-{day}-{number}", "event_name": name, "event_timestamp": at.isoformat()}
            yield shared | event | columns | order


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as a CSV file; return its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted({name for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    return path.parent


def a_home(patch: pytest.MonkeyPatch, folder: Path, *, counted: str) -> Settings:
    """Return a home with everybody's history imported and the warehouse built; ``counted`` says who permits what."""
    settings = Settings(home=folder / "home")
    for name, value in tool_environment(settings).items():
        patch.setenv(name, value)
    rows = [row for who in (*STAY, *GONE) for row in history(who, consent=counted if who == "counted" else "granted")]
    import_file(settings, "canonical_csv", write(folder / "all" / "events.csv", rows), received_at=NOW)
    run_dbt(settings, "run", "--no-write-json")
    return settings


@dataclass(frozen=True)
class Shop:
    """A home through withdrawals by each of the ways, and the next run."""

    settings: Settings
    request: dict[str, Any]
    before: Places
    after_request: Places
    after_run: Places
    totals: dict[str, Any]
    totals_if_granted: dict[str, Any]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("consent")
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        totals_if_granted = read_marts(a_home(patch, folder / "granted", counted="granted"))
        settings = a_home(patch, folder, counted="analytics_only")
        totals = read_marts(settings)
        write_what_models_say(settings)
        online_features(settings=settings)
        before = where(settings)

        last = {**list(history("by_event"))[-1], "event_id": "last", "consent": "none"}
        last["event_timestamp"] = (FIRST_DAY + timedelta(days=2)).isoformat()
        import_file(settings, "canonical_csv", write(folder / "event" / "events.csv", [last]), received_at=NOW)
        users = [{"user_id": "by_file", "consent": "none"}, {"user_id": "by_request", "consent": "granted"}]
        import_file(settings, "canonical_csv", write(folder / "file" / "users.csv", users), received_at=NOW)
        request = ask("by_request", "none")
        ask("by_device", "analytics_only")
        after_request = where(settings)

        run_dbt(settings, "run", "--no-write-json")
        online_features(settings=settings)
        yield Shop(settings, request, before, after_request, where(settings), totals, totals_if_granted)


def ask(user: str, consent: str) -> dict[str, Any]:
    """Run the command, and return what it says it did."""
    result = CliRunner().invoke(app, ["consent", user, consent, "--json"])
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def pseudonyms(settings: Settings) -> dict[str, str]:
    """Return everybody by pseudonym."""
    make = Pseudonymiser.from_settings(settings)
    return {make.anonymous(who) if who == "by_device" else make.user(who): who for who in (*STAY, *GONE)}


def write_what_models_say(settings: Settings) -> None:
    """Write the files that approved models and their lists left before anybody took anything back."""
    users = list(pseudonyms(settings))
    vectors = [[1.0, 0.1 * number] for number in range(len(users))]
    table = pa.table({"user_id": users, "user_vector": vectors, "taste_group": [0] * len(users)})
    for name in ("churn_scores", "user_groups", "user_embeddings", "shown_lists"):
        pq.write_table(table, settings.exports_dir / f"{name}.parquet")


def where(settings: Settings) -> Places:
    """Return who is where; of a session, whose it is."""
    people = pseudonyms(settings)
    places: dict[str, list[tuple[str]]] = {}
    with open_marts(settings) as connection:
        owners = dict(connection.execute("select session_id, user_id from sessions").fetchall())
        for name in PERSONAL_EXPORTS:
            key = "session_id" if name == "session_state_features" else "user_id"
            places[name] = connection.execute(f"select {key} from {name}").fetchall()
    with sqlite3.connect(settings.feature_store_dir / "online.db") as store:
        tables = store.execute("select name from sqlite_master where type = 'table' and name like 'shopsight%'")
        for (table,) in tables.fetchall():
            places[f"online {table}"] = store.execute(f'select entity from "{table}"').fetchall()
    return {place: {people[owners.get(key, key)] for (key,) in keys} for place, keys in places.items()}


def test_everybody_who_permits_it_is_in_every_personal_table(shop: Shop) -> None:
    assert len(shop.before) == len(PERSONAL_EXPORTS) + 6
    assert {place: who for place, who in shop.before.items() if who != {*STAY, *GONE} - {"counted"}} == {}


def test_who_wants_to_be_counted_only_counts_in_every_total_as_if_they_permitted_all(shop: Shop) -> None:
    counted = shop.totals.keys() - {*PERSONAL_EXPORTS, "users"}
    assert len(counted) > 20
    assert [mart for mart in sorted(counted) if shop.totals[mart] != shop.totals_if_granted[mart]] == []
    personal = shop.totals_if_granted.keys() & {*PERSONAL_EXPORTS}
    assert [mart for mart in personal if shop.totals[mart] == shop.totals_if_granted[mart]] == []


def test_a_request_takes_a_person_out_at_once_and_says_what_it_did(shop: Shop) -> None:
    left = {*STAY, "by_event", "by_file"}
    assert {place: who for place, who in shop.after_request.items() if who != left} == {}
    pseudonym = {who: key for key, who in pseudonyms(shop.settings).items()}["by_request"]
    assert shop.request == {
        "consent": "none",
        "shoppers": [pseudonym],
        "is_in_log": True,
        "is_new": True,
        "online_rows": 4 + 2 * 2,
        "export_rows": shop.request["export_rows"],
    }
    assert shop.request["export_rows"] > 30


def test_every_way_of_taking_back_consent_takes_a_person_out_with_the_next_run(shop: Shop) -> None:
    assert {place: who for place, who in shop.after_run.items() if who != {*STAY}} == {}


def test_services_know_nothing_of_who_took_back_consent(shop: Shop) -> None:
    reader = feature_reader(shop.settings)
    for family in ("recommender", "churn", "purchase_intent"):
        users = reader.users([*STAY, *GONE], FAMILIES[family].feature_service)
        assert {who for who, user in users.items() if user.known} == {*STAY}
        assert {who for who, user in users.items() if user.values} == {*STAY}


def test_look_alikes_pass_over_who_refuses_in_an_older_file(shop: Shop) -> None:
    write_what_models_say(shop.settings)
    result = CliRunner().invoke(app, ["lookalikes", "stays", "--json"])
    people = pseudonyms(shop.settings)
    assert {people[row["user_id"]] for row in json.loads(result.stdout)} == {"stays_too"}
    assert CliRunner().invoke(app, ["lookalikes", "by_event", "--json"]).exit_code == 1


def test_asking_again_changes_nothing(home: Settings, tmp_path: Path) -> None:
    import_file(home, "canonical_csv", write(tmp_path / "a" / "events.csv", [*history("ann")]), received_at=NOW)
    first = state_consent(home, "ann", "none", received_at=NOW)
    batches = sorted(home.event_log_dir.glob("*/*"))
    again = state_consent(home, " ann", "none", received_at=NOW + timedelta(days=1))
    assert (first.is_new, again.is_new) == (True, False)
    assert sorted(home.event_log_dir.glob("*/*")) == batches
    assert state_consent(home, first.shoppers[0], "granted", received_at=NOW + timedelta(days=2)).is_new


def test_a_request_for_a_user_who_was_merged_counts_for_the_one_they_are_now(home: Settings, tmp_path: Path) -> None:
    rows = [*history("old")]
    for number, (previous, user) in enumerate([("old", "newer"), ("newer", "newest")]):
        properties = json.dumps({"previous_user_id": previous})
        at = (FIRST_DAY + timedelta(days=3, minutes=number)).isoformat()
        event = {"event_id": f"m{number}", "event_name": "identify", "event_timestamp": at, "user_id": user}
        rows.append(event | {"properties": properties})
    import_file(home, "canonical_csv", write(tmp_path / "a" / "events.csv", rows), received_at=NOW)
    assert read_refusals(home).users == frozenset()
    state_consent(home, "old", "analytics_only", received_at=NOW)
    make = Pseudonymiser.from_settings(home)
    assert read_refusals(home).users >= {make.user("old"), make.user("newer"), make.user("newest")}


def test_a_request_for_somebody_unknown_waits_for_them(home: Settings) -> None:
    stated = state_consent(home, "nobody yet", "none", received_at=NOW)
    assert (stated.is_in_log, stated.is_new, stated.online_rows) == (False, True, 0)
    assert stated.shoppers == (Pseudonymiser.from_settings(home).user("nobody yet"),)


@pytest.mark.parametrize(
    ("user", "consent", "said"), [("ann", "maybe", "'maybe' is no consent"), ("guest", "none", "nobody's id")]
)
def test_what_is_no_consent_and_nobody_is_refused(home: Settings, user: str, consent: str, said: str) -> None:
    with pytest.raises(ShopsightError, match=said):
        state_consent(home, user, consent, received_at=NOW)
    assert not list(home.event_log_dir.glob("*/batch=2*"))


def test_a_build_names_a_personal_mart_that_holds_somebody_who_refuses(shop: Shop) -> None:
    check = ("test", "--select", "test_name:only_consenting")
    run_dbt(shop.settings, *check)
    refuser = next(key for key, who in pseudonyms(shop.settings).items() if who == "counted")
    with duckdb.connect(str(shop.settings.warehouse_path)) as warehouse:
        warehouse.execute("create table rows as from marts.rfm")
        row = f"select * replace ('{refuser}' as user_id) from rows limit 1"
        warehouse.execute(f"create or replace view marts.rfm as from rows union all ({row})")
    with pytest.raises(DbtError, match="only_consenting_rfm"):
        run_dbt(shop.settings, *check)
