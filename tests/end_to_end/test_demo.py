"""The tiny demo, from raw events to answered requests, with every address but this machine refused."""

import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from killing import STAGES, digests, kill_after_stage, kill_import, unfinished_runs
from running import environment_of, run, settings_of

from cli.recommend import recommend_to
from shopsight.contracts import INTENTS
from shopsight.families import FAMILIES
from shopsight.marts import mart_names, open_marts
from shopsight.sample_shop import generate
from shopsight.settings import REPO_ROOT

SLICE = 2
KILLS = int(os.environ.get("SHOPSIGHT_CAMPAIGN_KILLS", SLICE))
"""Kills of campaign R1; ``make campaign-kills`` asks for 200."""


def test_the_demo_ends_with_approved_models_their_bentos_and_calls_that_were_answered(demo) -> None:
    assert "time per stage" in demo.output
    status = json.loads(demo.call("status", "--json").stdout)
    approved = [family for family in FAMILIES if status["models"][family]["champion"]]
    assert "recommender" in approved
    assert len(status["bentos"]) == len(approved)
    assert demo.output.count("curl -s http://127.0.0.1") == len(approved)
    assert demo.output.count("200 http://127.0.0.1") == len(approved)


def test_nothing_outside_this_machine_is_ever_asked_for(demo) -> None:
    assert demo.refused == []


def test_the_guard_that_refuses_other_addresses_works(demo, tmp_path: Path) -> None:
    log = tmp_path / "refused.log"
    attempt = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"],
        env=demo.environment | {"LOOPBACK_ONLY_LOG": str(log)},
        capture_output=True,
        check=False,
    )
    assert attempt.returncode != 0
    assert "192.0.2.1" in log.read_text()


def test_status_counts_every_received_row_and_shows_champions_above_their_baselines(demo) -> None:
    status = json.loads(demo.call("status", "--json").stdout)
    events = status["events"]
    assert events["received"] > 10_000
    assert events["received"] == events["accepted"] + events["duplicates"] + events["quarantined"]
    assert events["duplicates"] > 0
    assert events["quarantined"] > 0
    recommender = status["models"]["recommender"]
    assert recommender["version"] == "v0001"
    popularity = recommender["baselines"]["popularity"]["ndcg@10"]
    assert recommender["metrics"]["ndcg@10"] > popularity


def test_recommendations_name_the_model_and_explain_themselves_by_the_history(demo) -> None:
    from shopsight.sample_shop import HERO

    answer = json.loads(demo.call("recommend", HERO, "--json", "--explain", "-n", "5").stdout)
    assert answer["user_known"] is True
    assert answer["fallback"] is None
    assert len(answer["items"]) == 5
    assert any(item["reasons"] for item in answer["items"])


def test_every_file_of_the_exports_is_explained(demo) -> None:
    document = (REPO_ROOT / "docs" / "marts.md").read_text()
    exports = set(mart_names(demo.settings))
    assert {"daily_kpis", "review_insights"} <= exports
    files = {path.name for path in demo.settings.exports_dir.iterdir()}
    assert files - {f"{name}.parquet" for name in exports} == {"manifest.json", "parts"}
    assert {name for name in exports if f"`{name}`" not in document} == set()


def test_shoppers_are_placed_by_the_approved_model_and_their_look_alikes_listed(demo, demo_home) -> None:
    from models.recommender.vectors.embeddings import Embedder
    from models.registry.registry import ModelRegistry
    from shopsight.feature_store import training_set

    champion = ModelRegistry.of(demo.settings).champion("recommender")
    placed = demo.settings.exports_dir / "user_embeddings.parquet"
    if Embedder.load(champion.path) is None:
        assert not placed.exists(), "validation left the transformer out, and nothing else has vectors"
        assert demo.call("lookalikes", "maya").returncode == 1
        return
    users = pq.read_table(placed).to_pylist()
    assert {row["user_model_version"] for row in users} == {champion.version}
    asked = pd.DataFrame({"user_id": [row["user_id"] for row in users[:20]], "item_id": "none"})
    asked["event_timestamp"] = pd.Timestamp.now("UTC")
    joined = training_set(demo_home, service="embeddings_v1", entities=asked, columns=["user_vector"])
    assert [list(vector) for vector in joined["user_vector"]] == [row["user_vector"] for row in users[:20]]
    look_alikes = json.loads(demo.call("lookalikes", "maya", "-n", "5", "--json").stdout)
    assert len(look_alikes) == 5
    assert {one["user_id"] for one in look_alikes} <= {row["user_id"] for row in users}


def test_an_unknown_shopper_gets_a_cold_start_that_says_so(demo_home) -> None:
    answer = recommend_to(demo_home, "nobody-we-know", num_results=10).answer
    assert answer["user_known"] is False
    assert answer["fallback"] is not None
    assert len(answer["items"]) == 10


def test_what_shoppers_complain_of_is_counted_with_their_words(demo) -> None:
    insights = pq.read_table(demo.settings.exports_dir / "review_insights.parquet").to_pylist()
    assert sum(row["mentions"] for row in insights) > 20
    assert {"quality", "price"} <= {row["aspect"] for row in insights}
    assert all(row["complained"] >= len(row["complaints"]) for row in insights)
    assert any(row["complaints"] for row in insights)


def test_synonyms_are_proposed_from_all_of_the_shops_searches(demo) -> None:
    proposed = json.loads(demo.call("synonyms", "propose", "--json").stdout)
    assert proposed["searches"] == pq.read_metadata(demo.settings.training_dir / "search/training_set.parquet").num_rows
    assert all(one["sessions"] >= 3 for one in proposed["proposals"])


def test_texts_the_model_is_unsure_of_are_labelled_by_people_and_taken_in(demo, tmp_path: Path) -> None:
    file = tmp_path / "suggested.csv"
    suggested = demo.call("label", "suggest", "-n", "3", "--output", str(file))
    if json.loads(demo.call("status", "--json").stdout)["models"]["intent"]["champion"] is None:
        assert suggested.returncode == 1, "so little training may be refused, and then nothing is known to be unsure of"
        assert "no intent model was approved" in suggested.stderr
        return
    assert suggested.returncode == 0
    rows = list(csv.DictReader(file.open()))
    assert [row["label"] for row in rows] == ["", "", ""]
    file.write_text("text,label\n" + f'"{rows[0]["text"]}",other\n')
    done = json.loads(demo.call("label", "import", str(file), "--json").stdout)
    try:
        assert (done["added"], done["held"]) == (1, 1)
        asked = json.loads(demo.call("label", "suggest", "-n", "3", "--json").stdout)
        assert rows[0]["text"] not in {one["text"] for one in asked}
    finally:
        demo.settings.labels_path.unlink()


def test_a_rule_is_checked_tried_on_the_requests_that_came_and_then_in_force(demo, demo_home, tmp_path: Path) -> None:
    def shown() -> list[str]:
        answer = recommend_to(demo_home, "maya", num_results=10).answer
        return [item["item_id"] for item in answer["items"]]

    unwanted, *others = shown()
    file = tmp_path / "rules.yml"
    file.write_text(f"rules:\n- name: not this one\n  leave_out: {{item_ids: [{unwanted}]}}\n")
    assert json.loads(demo.call("rules", "check", str(file), "--json").stdout)["rules"] == {"not this one": "leave_out"}
    replayed = json.loads(demo.call("rules", "replay", str(file), "--json").stdout)
    assert replayed["asked"] >= 1, "the demo's own call is in the prediction log"
    assert replayed["changed"] == replayed["by_rule"]["not this one"]
    assert not demo.settings.rules_path.exists(), "trying changes nothing"
    try:
        assert demo.call("rules", "apply", str(file)).returncode == 0
        assert shown()[: len(others)] == others
        file.write_text("rules:\n- name: not this one\n  leave_uot: {item_ids: [a]}\n")
        refused = demo.call("rules", "apply", str(file))
        assert refused.returncode == 1
        assert "rule 'not this one'.leave_uot" in refused.stderr
        assert "leave_out" in demo.settings.rules_path.read_text()
    finally:
        demo.settings.rules_path.unlink()


def test_predicted_intents_are_a_row_per_text_in_order(demo, tmp_path: Path) -> None:
    texts = [
        "running shoes",
        "这款手机好用吗",
        "",
        'a "quoted", odd\ntext',
        "Great shoes, they fit well and I love them!",
    ]
    file = tmp_path / "texts.csv"
    with file.open("w", newline="") as sink:
        csv.writer(sink).writerows([["id", "text"], *((str(n), text) for n, text in enumerate(texts))])
    finished = demo.call("predict", "intent", str(file))
    status = json.loads(demo.call("status", "--json").stdout)
    if status["models"]["intent"]["champion"] is None:
        assert finished.returncode == 1
        assert "no intent model" in finished.stderr
        return
    rows = list(csv.DictReader(io.StringIO(finished.stdout)))
    assert [row["text"] for row in rows] == texts
    assert list(rows[0]) == ["text", "predicted_label", *INTENTS]
    for row in rows:
        probabilities = {label: float(row[label]) for label in INTENTS}
        assert abs(sum(probabilities.values()) - 1) < 1e-3
        assert row["predicted_label"] == max(probabilities, key=probabilities.__getitem__)
    explained = list(csv.DictReader(io.StringIO(demo.call("predict", "intent", str(file), "--explain").stdout)))
    reasons = [json.loads(row.pop("contributions")) for row in explained]
    assert explained == rows
    assert [one["text"] for one in reasons[0]] == ["running", "shoes"]
    assert reasons[2] == []


def test_a_file_without_the_text_column_is_refused_by_name(demo, tmp_path: Path) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("message\nhello\n")
    finished = demo.call("predict", "intent", str(file))
    assert finished.returncode == 1
    assert "has no column `text`" in finished.stderr
    assert "message" in finished.stderr


def test_the_drift_reports_are_pages_that_ask_for_nothing_from_outside(demo) -> None:
    import re

    reports = list((demo.settings.reports_dir / "drift").glob("*.html"))
    assert reports
    for report in reports:
        page = report.read_text(errors="replace")
        assert not re.findall(r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)=["\']https?://', page)


def test_a_store_that_does_not_answer_is_named_by_doctor_and_by_the_command(demo) -> None:
    gone = "redis://127.0.0.1:1/0"
    findings = demo.call("doctor", "--json", SHOPSIGHT_ONLINE_STORE=gone)
    assert findings.returncode == 3
    problems = [finding for finding in json.loads(findings.stdout) if finding["outcome"] == "problem"]
    assert [finding["name"] for finding in problems] == ["online store"]
    assert gone in problems[0]["detail"]
    answer = demo.call("recommend", "maya", SHOPSIGHT_ONLINE_STORE=gone)
    assert answer.returncode == 1
    assert "online store" in answer.stderr


@pytest.mark.slow
def test_a_chain_that_is_killed_again_and_again_ends_where_an_unbroken_one_does(demo, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home")
    environment = environment_of(settings, tmp_path)

    def done(*arguments: str) -> subprocess.CompletedProcess[str]:
        finished = run(environment, *arguments)
        finished.check_returncode()
        return finished

    rng = random.Random(KILLS)
    kill_import(settings, environment, rng=rng)
    if not json.loads(done("status", "--json").stdout)["events"]["received"]:
        done("import", "sample")  # a batch lands whole or not at all
    stages = ["event_log"] if KILLS == SLICE else rng.choices(STAGES, k=KILLS - 1)
    for stage in stages:
        kill_after_stage(stage, ["run", "--auto-approve"], environment, rng=rng)
    done("run", "--auto-approve")

    status, unbroken = (json.loads(done("status", "--json").stdout), json.loads(demo.call("status", "--json").stdout))
    assert status["events"] == unbroken["events"]
    assert digests(settings) == digests(demo.settings)
    champion = status["models"]["recommender"]
    assert champion["metrics"] == unbroken["models"]["recommender"]["metrics"]
    packaged = [bento for bento in status["bentos"] if bento["family"] == "recommender"]
    assert champion["version"] in [bento["version"] for bento in packaged]
    assert unfinished_runs(settings) == []


def test_places_of_lists_are_looked_at_as_often_as_was_planted(demo) -> None:
    planted = generate("tiny", seed=demo.settings.seed).truth.clicked_places
    rows = pq.read_table(demo.settings.exports_dir / "placement_response.parquet").to_pylist()
    places = {row["level"]: row for row in rows if (row["kind"], row["factor"]) == ("list", "position")}
    assert set(places) == {1, 2, 3, 4, 5}
    for place, chance in enumerate(planted[1:], start=2):
        assert places[place]["effect_low"] <= chance / planted[0] <= places[place]["effect_high"]


def test_the_brief_of_the_week_has_numbers_that_its_queries_return(demo) -> None:
    document = json.loads(demo.call("brief", "--json").stdout)
    sentences = [one for section in document["sections"] for one in section["sentences"]]
    assert sentences, "an item was looked at while it was sold out"
    with open_marts(demo.settings) as marts:
        for one in sentences:
            (numbers,) = marts.execute(one["numbers"]).fetchall()
            assert numbers == (one["count"], one["of"], one["count_before"], one["of_before"])


def test_triggers_are_replayed_on_the_last_week_and_say_whom_they_would_have_reached(demo, tmp_path: Path) -> None:
    book = tmp_path / "triggers.yml"
    book.write_text(
        "triggers:\n"
        "  - {name: cart, when: abandoned_cart}\n"
        "  - {name: cheaper, when: price_drop}\n"
        "  - {name: thanks, when: first_order_follow_up}\n"
    )
    triggers = json.loads(demo.call("triggers", "replay", "--file", str(book), "--json").stdout)["triggers"]
    assert all(one["sent"] > 0 for one in triggers.values())
    for one in triggers.values():
        assert one["due"] == sum(one.get(what, 0) for what in ("sent", "held_out", "capped", "cooling")) + sum(
            one.get(what, 0) for what in ("no_account", "consent", "after_the_end")
        )
        assert all(example["user_id"].startswith("u_") and example["why"] for example in one["examples"])
