"""Who comes through the gateway, by real requests: without a token, with one, and sent by another site's page."""

import asyncio
import socket
from typing import Any

import pytest
from edge.fuzz import fuzz
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from orchestration.gateway.people import People
from orchestration.gateway.rules import hosts_of
from orchestration.gateway.sessions import DAYS, Sessions
from serving.http.protocol import HttpProtocol
from shopsight.settings import Settings

TOKEN = "a-token-for-tests-only"
JSON = {"content-type": "application/json"}
MUTATION = {"query": "mutation { launchRun }"}


def test_without_a_token_a_page_is_a_login_and_a_request_a_problem(door) -> None:
    with door.client() as client:
        page = client.get("/runs?filter=1", headers={"accept": "text/html"})
        assert page.status_code == 401
        assert 'action="/login"' in page.text
        assert 'value="/runs?filter=1"' in page.text, "it goes on to what was asked for"
        answer = client.post("/graphql", json=MUTATION)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    assert door.reached == []


def test_only_the_address_that_says_that_it_runs_is_open(door) -> None:
    with door.client() as client:
        assert client.get("/server_info").json()["person"] is None
        assert client.post("/server_info", json={}).status_code == 401
        assert client.get("/server_info", headers={"host": "evil.example"}).status_code == 403
    assert door.reached == ["GET /server_info"]


def test_the_printed_link_logs_in_and_leaves_no_token_in_the_address(door) -> None:
    with door.client() as client:
        answer = client.get("/runs", params={"filter": "a b", "token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?filter=a+b")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/runs").json()["person"] == "Ada"


def test_the_form_logs_in_and_goes_on_to_the_page_that_was_asked_for(door) -> None:
    with door.client() as client:
        answer = client.post("/login", data={"token": TOKEN, "target": "/runs?filter=1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?filter=1")
        assert client.get("/").json()["person"] == "Ada"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", ""])
def test_a_login_never_goes_on_to_another_server(door, target: str) -> None:
    with door.client() as client:
        assert client.post("/login", data={"token": TOKEN, "target": target}).headers["location"] == "/"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ä\0"])
def test_a_wrong_token_opens_nothing(door, token: str) -> None:
    with door.client() as client:
        assert client.get("/", params={"token": token}).status_code == 401
        assert client.post("/login", data={"token": token}).status_code == 401
        assert not client.cookies
    with door.client(logged_in=True) as client:
        header = {"authorization": f"Bearer {token.strip(chr(0))}x".encode()}
        assert client.get("/", headers=header).status_code == 401, "the cookie does not make up for it"
    assert door.reached == []


def test_an_endless_login_is_not_read(door) -> None:
    with door.client() as client:
        assert client.post("/login", data={"token": TOKEN, "target": "/" + "x" * 10_000}).status_code == 401


def test_a_login_that_breaks_off_leaves_no_traceback(door, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as client:
        client.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ntok")
    with door.client() as client:
        assert client.get("/server_info").status_code == 200
    assert "Exception" not in caplog.text


def test_a_script_sends_its_token_and_is_the_person_it_was_given_to(door, owner) -> None:
    token = People(owner).add("Grace Hopper")
    with door.client(bearer=token) as script:
        assert script.post("/graphql", json=MUTATION).json()["person"] == "Grace Hopper"


def test_a_client_cannot_say_who_it_is(door) -> None:
    with door.client(bearer=TOKEN) as script:
        for header in ("shopsight.person", "x-shopsight-user", "x-forwarded-user", "x-remote-user"):
            assert script.get("/", headers={header: "Mallory"}).json()["person"] == "Ada"


def test_a_person_whose_token_is_taken_away_is_logged_out_at_once(door, owner) -> None:
    people = People(owner)
    with door.client() as client:
        client.get("/", params={"token": people.add("Grace")})
        assert client.get("/").json()["person"] == "Grace"
        people.remove("grace")
        assert client.get("/").status_code == 401
        client.get("/", params={"token": people.add("Grace")})
        assert client.get("/").json()["person"] == "Grace"
        people.add("Grace")  # a new token: the old one and its sessions end
        assert client.get("/").status_code == 401


def test_who_is_logged_in_can_log_out(door) -> None:
    with door.client(logged_in=True) as client:
        assert "You are Ada" in client.get("/login").text
        assert client.post("/logout", headers={"origin": door.url}).status_code == 303
        assert client.get("/").status_code == 401


FOREIGN: list[tuple[str, dict[str, str]]] = [
    ("a name that another site's DNS points here", {"host": "rebind.evil.example"}),
    ("another origin", {"origin": "http://evil.example"}),
    ("another port of this machine", {"origin": "http://127.0.0.1:1"}),
    ("a frame without an origin", {"origin": "null"}),
    ("an origin that is none", {"origin": "http://["}),
    ("a browser that says that it is another site", {"sec-fetch-site": "cross-site"}),
    ("a browser that says that it is another port", {"sec-fetch-site": "same-site"}),
]


@pytest.mark.parametrize("headers", [one for _, one in FOREIGN], ids=[name for name, _ in FOREIGN])
def test_what_another_site_sends_with_a_persons_login_is_refused(door, headers: dict[str, str]) -> None:
    with door.client(logged_in=True) as browser:
        for answer in (
            browser.post("/graphql", json=MUTATION, headers=headers),
            browser.get("/graphql", params=MUTATION, headers=headers),
            browser.get("/", headers=headers | {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
        ):
            assert answer.status_code == 403, answer.text
            assert "access-control-allow-origin" not in answer.headers
    assert door.reached == []


def test_a_link_on_another_site_opens_a_page_but_neither_graphql_nor_a_login(door) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    with door.client(logged_in=True) as browser:
        assert browser.get("/runs", headers=link).status_code == 200
        assert browser.get("/graphql", headers=link).status_code == 403
        assert browser.post("/runs", json={}, headers=link).status_code == 403
        assert browser.get("/runs", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403
    with door.client() as stranger:
        answer = stranger.get("/", params={"token": TOKEN}, headers=link)
        assert answer.status_code == 401, "a link of another site does not choose who a person is"
        assert f'value="{TOKEN}"' in answer.text
        assert "set-cookie" not in answer.headers


def test_graphql_is_not_answered_to_get_whoever_asks(door) -> None:
    with door.client(bearer=TOKEN) as script:
        assert script.get("/graphql", params=MUTATION).status_code == 405
        assert script.get("/%67raphql", params=MUTATION).status_code == 405
        assert script.head("/graphql", params=MUTATION).status_code == 405
        assert script.get("/graphql", params={"query": "{ version }"}).status_code == 405
        assert script.get("/graphql").status_code == 200, "the page on which a person types a query"
    assert door.reached == ["GET /graphql"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_a_form_could_send_is_refused(door, kind: str) -> None:
    with door.client(logged_in=True) as browser:
        content = b'{"query": "mutation { launchRun }"}'
        answer = browser.post("/graphql", content=content, headers={"content-type": kind, "origin": door.url})
        assert answer.status_code == 415
    assert door.reached == []


def test_other_methods_are_refused(door) -> None:
    with door.client(bearer=TOKEN) as script:
        assert {script.request(name, "/graphql").status_code for name in ("PUT", "DELETE", "OPTIONS", "PATCH")} == {405}
    assert door.reached == []


def test_a_change_that_rests_on_a_cookie_needs_the_origin_that_every_browser_sends(door) -> None:
    with door.client(logged_in=True) as browser:
        assert browser.post("/graphql", json=MUTATION).status_code == 403
        assert browser.post("/graphql", json=MUTATION, headers={"origin": door.url}).json()["person"] == "Ada"
        assert browser.post("/graphql", json=MUTATION, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_a_websocket_is_for_logged_in_pages_of_our_own(door) -> None:
    address = f"ws://127.0.0.1:{door.port}/graphql"
    with door.client(logged_in=True) as browser:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}

    def person(origin: str | None, headers: dict[str, str]) -> str:
        arguments: Any = {
            "origin": origin,
            "additional_headers": headers,
            "subprotocols": ["graphql-ws"],
            "proxy": None,
        }
        with connect(address, **arguments) as opened:
            return str(opened.recv())

    for origin, headers in (
        (door.url, {}),
        ("http://evil.example", cookie),
        ("http://127.0.0.1:1", cookie),
        (None, cookie),
    ):
        with pytest.raises(InvalidStatus, match="403"):
            person(origin, headers)
    assert door.reached == []
    assert "Ada" in person(door.url, cookie)
    assert "Ada" in person(None, {"Authorization": f"Bearer {TOKEN}"})


def test_every_answer_says_that_no_other_site_may_frame_or_guess_it(door) -> None:
    with door.client(logged_in=True) as browser:
        for answer in (browser.get("/"), browser.get("/login"), browser.post("/graphql")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_cookies_of_other_pages_on_this_machine_do_not_hide_the_login(door) -> None:
    with door.client(logged_in=True) as browser:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with door.client() as other:
        assert other.get("/", headers={"cookie": f'theirs={{"a": "b,c"}}; =; x; {cookie}'}).json()["person"] == "Ada"


def test_the_pages_are_reached_by_loopback_the_host_and_the_names_that_were_allowed(home) -> None:
    settings = home.model_copy(update={"host": "10.0.0.5", "allowed_hosts": "Shop.example, models.lan"})
    assert hosts_of(settings) == {"127.0.0.1", "localhost", "::1", "10.0.0.5", "shop.example", "models.lan"}


@pytest.mark.parametrize("host", ["LOCALHOST:1", "localhost", "[::1]:80", "127.0.0.1:9"])
def test_any_port_and_case_of_a_name_is_that_name(door, host: str) -> None:
    with door.client(bearer=TOKEN) as script:
        assert script.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost.evil.example", "127.0.0.1@evil.example", "[::1", "", "evil.example/127.0.0.1"]
)
def test_a_name_that_only_looks_like_ours_is_refused(door, host: str) -> None:
    with door.client(bearer=TOKEN) as script:
        assert script.get("/", headers={"host": host}).status_code in (400, 403)
    assert door.reached == []


def test_a_connection_that_never_asks_for_anything_is_closed(door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.3)
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as half_open:
        half_open.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half")
        assert half_open.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_session_ends_and_cannot_be_made_up_or_prolonged(owner: Settings) -> None:
    people = People(owner)
    sessions = Sessions(owner, people)
    ada = people.everyone()[0]
    value = sessions.begin(ada, now=0.0)
    assert sessions.person(value, now=0.0) == ada
    assert sessions.person(value, now=DAYS * 86_400 + 1.0) is None
    token_hash, until, signature = value.split(".")
    for forged in (
        f"{token_hash}.{int(until) + 1}.{signature}",
        f"{token_hash}.{until}.{signature[:-1]}0x",
        f"{token_hash}.{until}.",
        f"{token_hash}.٣.{signature}",
        token_hash,
        "",
        "..é",
    ):
        assert sessions.person(forged, now=0.0) is None, forged


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.5)
    monkeypatch.setattr("orchestration.gateway.gateway.BODY_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_every_connection_to_a_page_is_answered_and_leaves_no_traceback(
    door, reports, caplog: pytest.LogCaptureFixture
) -> None:
    """A slice of `make campaign-edge RUNNING=1`: of strangers and of who is logged in."""
    for port in (door.port, reports.port):
        findings = asyncio.run(fuzz(port, None, seed=7, count=80, token=TOKEN, patience=5))
        assert findings.faults == {}
        assert {"200", "400", "401", "403", "408"} <= findings.statuses.keys()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"query": {}}',
        b'{"query": "{ version }", "variables": []}',
        b'{"query": "{ version }", "operationName": 1}',
        b"{}",
        b"null",
        b"\xff",
    ],
)
def test_what_is_no_question_of_graphql_does_not_reach_the_web_ui(door, body: bytes) -> None:
    with door.client(bearer=TOKEN) as script:
        assert script.post("/graphql", content=body, headers=JSON).status_code in (400, 422)
        assert door.reached == []
        assert script.post("/graphql", json={"query": "{ version }", "variables": None}).status_code == 200
