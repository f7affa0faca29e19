"""What tools and shop systems send: Segment's calls, and webhooks that are signed."""

import base64
import hashlib
import hmac
import json
import random
from typing import Any, Final

import pytest
from edge.requests import ODD_VALUES
from starlette.testclient import TestClient

from serving.http.problems import MEDIA_TYPE

SECRET: Final = b"the secret of Shopify"
ORDER: Final = {
    "name": "#2001",
    "created_at": "2026-02-01T10:05:00-05:00",
    "updated_at": "2026-02-01T10:06:00-05:00",
    "email": "Ida@Example.com",
    "financial_status": "paid",
    "currency": "EUR",
    "total_tax": "0.00",
    "total_price": "94.90",
    "total_discounts": "10.00",
    "total_shipping_price_set": {"shop_money": {"amount": "4.90"}},
    "line_items": [
        {"sku": "MUG-B", "name": "Mug - blue", "quantity": 1, "price": "10.00",
         "discount_allocations": [{"amount": "1.00"}]},
        {"sku": "PAN-1", "name": "Pan", "quantity": 3, "price": "30.00", "discount_allocations": [{"amount": "9.00"}]},
    ],
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


def send(client: TestClient, topic: str, document: object, *, secret: bytes = SECRET, system: str = "shopify") -> Any:
    body = json.dumps(document).encode()
    signature = base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode()
    headers = {"content-type": "application/json", "x-shopify-topic": topic, "x-shopify-hmac-sha256": signature}
    return client.post(f"/v1/webhooks/{system}", content=body, headers=headers)


def assert_problem(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["code"] == code


def test_an_order_that_is_signed_is_taken_once(client: TestClient) -> None:
    first = send(client, "orders/create", ORDER)
    assert first.status_code == 202
    assert first.json()["accepted"] == 4  # two lines, and what the shop calls their items
    assert send(client, "orders/create", ORDER).json()["duplicates"] == 2


def test_a_product_that_is_signed_is_taken(client: TestClient) -> None:
    product = {"handle": "mug", "title": "Mug", "variants": [{"sku": "MUG-B", "price": "10.00", "option1": "blue"}]}
    assert send(client, "products/update", product).json() == {
        "accepted": 1, "duplicates": 0, "rejected": 0, "errors": [],
    }  # fmt: skip


def test_a_signature_with_another_secret_is_refused(client: TestClient) -> None:
    assert_problem(send(client, "orders/create", ORDER, secret=b"another secret"), 401, "unauthorised")


def test_a_body_that_was_changed_after_it_was_signed_is_refused(client: TestClient) -> None:
    body = json.dumps(ORDER).encode()
    signature = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    headers = {
        "content-type": "application/json",
        "x-shopify-topic": "orders/create",
        "x-shopify-hmac-sha256": signature,
    }
    answer = client.post("/v1/webhooks/shopify", content=body.replace(b"94.90", b"04.90"), headers=headers)
    assert_problem(answer, 401, "unauthorised")


@pytest.mark.parametrize("signature", ["", "é", "AAAA", "=" * 44])
def test_what_is_no_signature_is_refused(client: TestClient, signature: str) -> None:
    headers = [(b"x-shopify-topic", b"orders/create"), (b"x-shopify-hmac-sha256", signature.encode("latin-1"))]
    answer = client.post("/v1/webhooks/shopify", json=ORDER, headers=headers)
    assert_problem(answer, 401, "unauthorised")


def test_webhooks_of_a_system_whose_secret_nobody_set_are_not_taken(client: TestClient) -> None:
    assert_problem(send(client, "order.created", {}, system="woocommerce"), 404, "not_configured")


def test_a_refund_alone_is_refused_and_says_what_to_send_instead(client: TestClient) -> None:
    answer = send(client, "refunds/create", {"order_id": 1, "transactions": []})
    assert_problem(answer, 422, "unreadable_webhook")
    assert "orders/updated" in answer.json()["detail"]


def test_odd_webhooks_are_refused_or_taken_and_never_an_error_of_the_server(client: TestClient) -> None:
    rng = random.Random(3)
    for _ in range(12):
        order = ORDER | {rng.choice(list(ORDER)): rng.choice(ODD_VALUES)}
        answer = send(client, "orders/updated", order)
        assert answer.status_code in (202, 401, 422), answer.text  # 401: half a character is mended before it is read


def test_a_call_of_segment_is_an_event_and_its_index_is_the_calls(client: TestClient) -> None:
    bought = {
        "type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1",
        "timestamp": "2026-02-01T10:05:00Z",
        "properties": {"order_id": "o1", "revenue": 30, "currency": "EUR",
                       "products": [{"product_id": "a", "price": 10}, {"product_id": "b", "price": 20}]},
    }  # fmt: skip
    unknown = {"type": "track", "event": "Song Played", "userId": "u1", "timestamp": "2026-02-01T10:05:00Z"}
    answer = client.post("/v1/batch", json={"batch": [bought, unknown, 3], "sentAt": "2026-02-01T10:05:01Z"})
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 2)
    assert {(one["index"], one["type"]) for one in answer.json()["errors"]} == {
        (1, "event_name_unknown"), (2, "not_a_json_object"),
    }  # fmt: skip
    again = client.post("/v1/batch", json={"batch": [bought]})
    assert again.json()["duplicates"] == 2


@pytest.mark.parametrize(
    ("route", "call"),
    [
        ("/v1/track", {"event": "Product Viewed", "userId": "u1", "properties": {"product_id": "a"}}),
        ("/v1/page", {"anonymousId": "d1", "name": "Home"}),
        ("/v1/identify", {"anonymousId": "d1", "userId": "u1", "traits": {"email": "a@example.com"}}),
    ],
)
def test_a_call_alone_is_taken_at_the_time_when_it_came(client: TestClient, route: str, call: Any) -> None:
    answer = client.post(route, json=call)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1


def test_odd_calls_are_taken_or_refused_and_never_an_error_of_the_server(client: TestClient) -> None:
    rng = random.Random(5)
    for _ in range(6):
        calls = [
            {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"products": []}}
            | {rng.choice(("type", "event", "userId", "properties", "context", "timestamp")): rng.choice(ODD_VALUES)}
            for _ in range(4)
        ]
        body = json.dumps({"batch": [*calls, rng.choice(ODD_VALUES)]})
        answer = client.post("/v1/batch", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 202, answer.text
