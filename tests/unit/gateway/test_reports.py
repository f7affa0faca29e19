"""The reports over HTTP: behind the login, from their folder alone, and without a say beyond themselves."""

import socket

import pytest

TOKEN = "a-token-for-tests-only"


def test_reports_are_listed_by_name_and_served(reports) -> None:
    with reports.client(logged_in=True) as browser:
        listing = browser.get("/").text
        assert '<a href="/drift/churn.html">' in listing
        assert "texts &amp; labels.csv" in listing
        for absent in ("hidden", ".git", "key.html", "pipe", "Directory listing"):
            assert absent not in listing
        assert browser.get("/drift/churn.html").text == "<script>1</script>"
        assert browser.get("/texts & labels.csv").headers["content-type"].startswith("text/csv")


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
