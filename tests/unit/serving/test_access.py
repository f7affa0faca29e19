"""Who may ask: a key with the scope of the address, of the file as it is now; and whoever is refused learns why."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.http.access import Access, Addresses
from serving.http.problems import MEDIA_TYPE
from shopsight.api_keys import ApiKeys
from shopsight.settings import Settings


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == MEDIA_TYPE
    document = answer.json()
    assert document["request_id"] == answer.headers["x-request-id"]
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    return answer.status_code, document["code"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("GET", "/", None),
        ("GET", "/docs.json", None),
        ("GET", "/static_content/swagger-ui.css", None),
        ("GET", "/metrics", "read"),
        ("GET", "/v1/models", "read"),
        ("GET", "/v1/users/maya/recommendations", "read"),
        ("HEAD", "/v1/items/i_1/similar", "read"),
        ("POST", "/v1/recommendations", "read"),
        ("POST", "/v1/recommendations/batch", "read"),
        ("POST", "/v1/predictions/churn", "read"),
        ("POST", "/v1/search", "read"),
        ("POST", "/v1/assistant/messages", "read"),
        ("POST", "/v1/events", "write"),
        ("POST", "/v1/events/", "write"),
        ("PUT", "/v1/items", "write"),
        ("PUT", "/v1/items/i_1/availability", "write"),
        ("DELETE", "/v1/items/i_1", "write"),
        ("POST", "/", "admin"),
        ("POST", "/docs.json", "admin"),
        ("POST", "/v1/recommendationsX", "admin"),
        ("POST", "/V1/events", "admin"),
        ("PUT", "/v1/recommendations", "admin"),
        ("DELETE", "/v1/models", "admin"),
        ("PATCH", "/livez", "admin"),
    ],
)
def test_each_address_takes_a_scope_and_what_nobody_named_takes_admin(method: str, path: str, scope: str) -> None:
    assert Addresses().scope_of(method, path) == scope


def test_a_service_says_what_else_takes_a_key_or_none() -> None:
    addresses = Addresses(keyless=["/v1/webhooks", "/tracker.js"], writes=["/v1/track"], reads=["/v1/reorder"])
    asked = [("POST", "/v1/webhooks/shopify"), ("POST", "/v1/track"), ("POST", "/v1/reorder"), ("POST", "/v1/webhook")]
    assert [addresses.scope_of(*one) for one in asked] == [None, "write", "read", "admin"]


def test_all_that_is_known_of_a_shopper_takes_a_scope_of_its_own() -> None:
    from serving.next_best_action.service import PROFILES

    addresses = Addresses(profiles=PROFILES)
    paths = ("/v1/users/maya/profile", "/v1/users/a b/profile", "/v1/users/maya/next_best_action", "/v1/models")
    assert [addresses.scope_of("GET", path) for path in paths] == ["profiles", "profiles", "read", "read"]
    assert addresses.scope_of("POST", "/v1/users/maya/profile") == "admin"


def test_a_request_carries_the_scopes_of_its_key_and_none_where_no_key_is_asked_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    request = {"method": "POST", "path": "/v1/assistant/messages", "server": ("127.0.0.1", 3009)}
    assert Access(settings).verdict(request, {}, "r").scopes is None
    for scopes in (("read",), ("read", "orders")):
        key = ApiKeys(settings).create("-".join(scopes), scopes)
        verdict = Access(settings).verdict(request, {b"x-api-key": key.encode()}, "r")
        assert (verdict.problem, verdict.scopes) == (None, scopes)


def test_without_keys_whoever_is_on_this_machine_may_ask_and_nobody_else(start) -> None:
    service = start()
    for at in ("http://shop", "http://127.0.0.1:3002", "http://[::1]", "http://[::ffff:127.0.0.1]"):
        assert service.ask(at=at).status_code == 200
    for at in ("http://10.0.0.7:3002", "http://192.168.1.5", "http://[2001:db8::1]", "http://[::ffff:10.0.0.7]"):
        answer = service.ask(at=at)
        assert code(answer) == (401, "keys_required")
        assert "shopsight keys create" in answer.json()["detail"]
        assert service.ask(path="/livez", at=at).status_code == 200
    for header in ("x-forwarded-for", "forwarded"):  # through a proxy on this machine
        assert code(service.ask(headers={header: "203.0.113.9"})) == (401, "keys_required")


def test_once_there_is_a_key_nobody_is_answered_without_one_within_a_second(start, home: Settings) -> None:
    service = start()
    assert service.ask().status_code == 200
    key = ApiKeys(home).create("shop", ["read"])
    service.seconds += 1
    assert code(service.ask()) == (401, "key_missing")
    assert code(service.ask(headers={"x-api-key": key[:-1]})) == (401, "key_unknown")
    for headers in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key} "},
    ):
        assert service.ask(headers=headers).status_code == 200
    assert service.ask(auth=(key, "")).status_code == 200  # as Segment's libraries send it
    assert code(service.ask(headers={"x-api-key": "", "authorization": f"Bearer {key}"})) == (401, "key_unknown")
    for odd in ("Basic", "Basic ===", "Basic ä", "Digest x", "Bearer", key):
        assert code(service.ask(headers={"authorization": odd.encode("latin-1")}))[0] == 401
    for path in ("/livez", "/readyz", "/", "/docs.json"):
        assert service.ask(path=path).status_code == 200


def test_a_key_opens_what_its_scopes_say(start, home: Settings) -> None:
    keys = ApiKeys(home)
    made = {scope: keys.create(scope, [scope]) for scope in ("read", "write", "admin")}
    service = start()

    def statuses(method: str, path: str) -> dict[str, int]:
        body: dict[str, Any] = {} if method == "GET" else {"json": {}}
        return {
            scope: service.ask(method, path, headers={"x-api-key": key}, **body).status_code
            for scope, key in made.items()
        }

    assert statuses("GET", "/v1/models") == {"read": 200, "write": 403, "admin": 200}
    assert statuses("GET", "/metrics") == {"read": 200, "write": 403, "admin": 200}
    assert statuses("DELETE", "/v1/items/i_1") == {"read": 403, "write": 200, "admin": 200}
    refused = service.ask("PUT", "/v1/items", headers={"x-api-key": made["read"]})
    assert code(refused) == (403, "scope_missing")
    assert "takes the scope write; the API key of read has read" in refused.json()["detail"]
    assert statuses("DELETE", "/v1/models")["read"] == 403


def test_a_key_is_looked_at_before_anything_is_read(start, home: Settings) -> None:
    ApiKeys(home).create("shop", ["read"])
    answer = start().ask("POST", "/v1/recommendations", content=b"{" * 3_000_000)
    assert code(answer) == (401, "key_missing")


def test_running_services_know_of_a_rotation_and_a_revocation_within_a_second(start, home: Settings) -> None:
    keys = ApiKeys(home)
    first = keys.create("shop", ["read"])
    service = start()
    assert service.answers(first)
    second = keys.rotate("shop")
    service.seconds += 1
    assert service.answers(first)
    assert service.answers(second)
    keys.revoke("shop")
    service.seconds += 1
    assert not service.answers(first)
    assert not service.answers(second)


def test_an_expired_key_says_so(start, home: Settings) -> None:
    key = ApiKeys(home).create("partner", ["read"], lifetime=timedelta(seconds=-1))
    answer = start().ask(headers={"x-api-key": key})
    assert code(answer) == (401, "key_expired")
    assert "partner expired at 20" in answer.json()["detail"]


def test_a_broken_file_leaves_the_last_good_keys_in_force_and_readyz_says_so(start, home: Settings) -> None:
    key = ApiKeys(home).create("shop", ["read"])
    service = start()
    assert service.answers(key)
    assert service.notes() == []
    good = home.api_keys_path.read_bytes()
    for breaking, why in (
        (lambda: home.api_keys_path.write_bytes(good[:-9]), "Invalid JSON"),
        (lambda: home.api_keys_path.unlink(), "is missing"),
        (lambda: home.api_keys_path.mkdir(), "Is a directory"),
    ):
        breaking()
        service.seconds += 1
        assert service.answers(key)
        assert code(service.ask()) == (401, "key_missing")
        (note,) = service.notes()
        assert why in note
        assert note.endswith("The keys of before stay in force.")
    home.api_keys_path.rmdir()
    home.api_keys_path.write_bytes(good)
    service.seconds += 1
    assert service.answers(key)
    assert service.notes() == []


def test_a_file_that_could_not_be_read_for_a_while_is_taken_up_though_it_did_not_change(
    start, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ApiKeys(home).create("shop", ["read"])
    service = start()

    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")  # root, who may run this, reads everything

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        assert code(service.ask(headers={"x-api-key": key})) == (503, "keys_unusable")
        assert "Permission denied" in service.notes()[0]
    service.seconds += 1
    assert service.answers(key)
    assert service.notes() == []


def test_where_no_file_was_ever_good_nobody_is_answered_until_it_is(start, home: Settings) -> None:
    service = start()
    home.api_keys_path.parent.mkdir(parents=True, exist_ok=True)
    home.api_keys_path.write_text("{}")
    service.seconds += 1
    answer = service.ask(headers={"x-api-key": "any"})
    assert code(answer) == (503, "keys_unusable")
    assert answer.headers["retry-after"] == "1"
    assert "keys: Field required. No request is answered until it is mended." in service.notes()[0]
    home.api_keys_path.unlink()
    service.seconds += 1
    assert code(service.ask()) == (503, "keys_unusable")  # a file that was there is not undone by its loss
    key = ApiKeys(home).create("shop", ["read"])
    service.seconds += 1
    assert service.answers(key)


def test_the_last_use_is_written_down_once_a_minute_and_costs_no_request_where_it_cannot_be(
    start, home: Settings
) -> None:
    keys = ApiKeys(home)
    key = keys.create("shop", ["read"])
    service, other = start(), start()
    assert keys.uses.last("shop") is None
    assert service.answers(key)
    first = keys.uses.last("shop")
    assert first is not None
    keys.uses.note("shop", first - timedelta(days=1))
    service.seconds += 59
    assert service.answers(key)
    assert keys.uses.last("shop") == first - timedelta(days=1)  # not again within the minute
    assert other.answers(key)  # another service writes the same file
    assert keys.uses.last("shop") >= first
    before = home.api_keys_path.read_bytes()
    folder = home.home / "api_key_uses"
    (folder / "shop").unlink()
    folder.rmdir()
    folder.write_text("in the way")
    service.seconds += 2
    assert service.answers(key)
    assert service.notes() == ["API keys: last uses are not written down: File exists"]
    assert home.api_keys_path.read_bytes() == before


def test_refusals_are_logged_with_the_client_and_neither_key_nor_address_once_a_second(
    start, home: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ApiKeys(home).create("shop", ["write"])
    service = start()
    secret = "shopsight_not-a-key"
    with caplog.at_level(logging.WARNING, "shopsight.access"):
        for _ in range(5):
            service.ask(path="/v1/users/maya/recommendations", headers={"x-api-key": secret, "x-request-id": "r1"})
        service.seconds += 1
        service.ask()
    first, second = caplog.messages
    assert first == "401 key_unknown for '127.0.0.1', key of -, request r1"
    assert second.endswith("; 4 more since the last line")
    assert "maya" not in caplog.text
    assert secret not in caplog.text
