"""The reports over HTTP: behind the login, from their folder alone, and without a say beyond themselves."""

import os
import re
import socket

import pytest

from models.evaluation.drift.judgement import DriftJudgement
from shopsight.settings import Settings

TOKEN = "a-token-for-tests-only"


def test_reports_are_listed_by_name_and_served(reports) -> None:
    with reports.client(logged_in=True) as browser:
        listing = browser.get("/").text
        assert '<a href="/drift/churn.html">Drift of churn</a>' in listing
        assert '<a href="/texts%20%26%20labels.csv">texts &amp; labels.csv</a>' in listing
        for absent in ("hidden", ".git", "key.html", "pipe", "Directory listing"):
            assert absent not in listing
        assert browser.get("/drift/churn.html").text == "<script>1</script>"
        assert browser.get("/texts & labels.csv").headers["content-type"].startswith("text/csv")


def test_the_index_says_what_each_report_is_what_came_of_it_and_when_it_was_made(reports, owner: Settings) -> None:
    folder = owner.reports_dir
    judgement = DriftJudgement(
        status="drifted",
        reason="2 of 9 columns <drifted>",
        columns=(),
        drifted_share=0.2,
        reference_rows=9,
        current_rows=9,
    )
    judgement.write(folder / "drift" / "churn.json")
    (folder / "drift" / "intent.html").write_text("")
    (folder / "drift" / "intent.json").write_text("{")
    (folder / "label_suggestions.csv").write_text("text,label")
    (folder / "100% #1?.csv").write_text("a")
    os.utime(folder / "drift" / "churn.html", (1_767_000_000, 1_767_000_000))
    with reports.client(logged_in=True) as browser:
        listing = browser.get("/").text
        assert '<a href="/drift/churn.html">Drift of churn</a>' in listing
        assert "Now: drifted (2 of 9 columns &lt;drifted&gt;)." in listing
        assert "made on 29 December 2025, 09:20 UTC · drift/churn.html" in listing
        assert "its judgement is missing or damaged" in listing
        assert "Texts to label next" in listing
        assert "churn.json" not in listing
        assert listing.index("Drift of churn") < listing.index("texts &amp; labels.csv")  # known ones first
        for address in re.findall(r'href="([^"]*)"', listing):
            assert browser.get(address).status_code == 200, address


def test_a_report_runs_in_a_sandbox_and_is_what_its_name_says(reports) -> None:
    with reports.client(logged_in=True) as browser:
        headers = browser.get("/drift/churn.html").headers
        policy = headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in policy
        assert "default-src 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "address",
    [
        "/key.html",
        "/elsewhere/keys/pseudonym.key",
        "/elsewhere",
        "/.hidden",
        "/.git/config",
        "/drift/../../keys/pseudonym.key",
        "/drift/%2e%2e/%2e%2e/keys/pseudonym.key",
        "/..%2fkeys/pseudonym.key",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/%5c..%5ckeys",
        "/%00",
        "/drift/churn.html%00",
        "/%ff",
        "/pipe",
        "/drift",
        "/" + "x" * 300,
    ],
)
def test_nothing_but_a_report_is_served_and_nothing_breaks(reports, address: str) -> None:
    with socket.create_connection(("127.0.0.1", reports.port), timeout=10) as raw:
        head = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close"
        raw.sendall(f"{head}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.split(b" ")[1] == b"404", answer
    assert b"secret" not in answer
    assert b"Traceback" not in answer


def test_a_link_within_the_folder_is_followed(reports) -> None:
    with reports.client(logged_in=True) as browser:
        assert browser.get("/newest.html").status_code == 200


def test_reports_ask_for_the_login_and_for_a_name_of_ours(reports) -> None:
    with reports.client() as stranger:
        assert stranger.get("/").status_code == 401
        assert stranger.get("/drift/churn.html").status_code == 401
    with reports.client(logged_in=True) as browser:
        assert browser.get("/drift/churn.html", headers={"host": "evil.example"}).status_code == 403
        assert browser.get("/drift/churn.html", headers={"origin": "http://evil.example"}).status_code == 403
        assert browser.post("/drift/churn.html", json={}, headers={"origin": reports.url}).status_code == 405


def test_one_login_opens_the_web_ui_and_the_reports(reports, door) -> None:
    with door.client(logged_in=True) as browser:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with reports.client() as same_browser:
        assert same_browser.get("/", headers={"cookie": cookie}).status_code == 200
