"""Requests as no honest client sends them, and some that one does: whole bytes for a socket, drawn by a seed."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote


@dataclass(frozen=True)
class Route:
    """An address of a service, and what an honest client asks there."""

    path: str
    body: Mapping[str, Any]
    method: str = "POST"


_TRENDING: Final = {"placement": "trending", "num_results": 2}
_PURCHASE: Final = {"instances": [{"events": [{"event_name": "view_item", "event_timestamp": "2026-01-05T10:00:00Z"}]}]}
_CHURN: Final = {"instances": [{"user_id": "maya"}]}
_EVENT: Final = {
    "event_id": "e_1",
    "event_name": "view_item",
    "event_timestamp": "2026-01-05T10:00:00Z",
    "user_id": "maya",
    "item_id": "i_5",
}
_CALL: Final = {"messageId": "m_1", "anonymousId": "a_1", "timestamp": "2026-01-05T10:00:00Z"}
ROUTES: Final[Mapping[str, tuple[Route, ...]]] = {
    "intent": (Route("/v1/intents", {"texts": ["find red shoes"]}), Route("/classify", {"texts": ["find red shoes"]})),
    "recommender": (
        Route("/v1/recommendations", {"user_id": "maya", "num_results": 3}),
        Route("/recommend", {"request": {"user_id": "maya", "num_results": 3}}),
        Route("/v1/recommendations/batch", {"requests": [_TRENDING, _TRENDING]}),
        Route("/v1/rankings", {"user_id": "maya", "item_ids": ["i_5", "i_8"]}),
        Route("/v1/items/i_5/similar?num_results=3", {}, "GET"),
        Route("/v1/users/maya/recommendations?num_results=3", {}, "GET"),
    ),
    "purchase_intent": (Route("/v1/predictions/purchase_intent", _PURCHASE), Route("/predict", _PURCHASE)),
    "churn": (Route("/v1/predictions/churn", _CHURN), Route("/predict", _CHURN)),
    "search": (
        Route("/v1/search", {"query": "shoes", "num_results": 3}),
        Route("/search", {"request": {"query": "shoes", "num_results": 3}}),
        Route("/v1/search/suggestions?q=sh", {}, "GET"),
    ),
    "next_best_action": (
        Route("/v1/next_best_actions", {"user_ids": ["maya"]}),
        Route("/decide", {"request": {"user_ids": ["maya"]}}),
        Route("/v1/users/maya/next_best_action", {}, "GET"),
        Route("/v1/users/maya/profile", {}, "GET"),
    ),
    "collector": (
        Route("/v1/events", {"events": [_EVENT]}),
        Route("/v1/track", _CALL | {"event": "Product Viewed", "properties": {"product_id": "i_5"}}),
        Route("/v1/page", _CALL | {"name": "home"}),
        Route("/v1/identify", _CALL | {"userId": "maya"}),
        Route("/v1/batch", {"batch": [_CALL | {"type": "page", "name": "home"}]}),
        Route("/v1/items", {"items": [{"item_id": "i_5", "price": 9.5}]}, "PUT"),
        Route("/v1/items/i_5/availability", {"availability": "in_stock"}, "PUT"),
        Route("/v1/items/i_9", {}, "DELETE"),
        Route("/v1/webhooks/shopify", {"id": 1, "line_items": []}),
    ),
}
"""Of each service: every address that takes something of a client's, the one that is asked most at first."""
_PORTAL: Final = Route("/graphql", {"query": "{ version }"})
PAGES: Final = ("/", "/docs.json", "/v1/models", "/v1/nope", "/livez", "/readyz", "/metrics", "/schema.json")
ODD_PATHS: Final = (
    "/static_content/%00",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/v1/%ff",
    "/" + "a" * 3000,
    "*",
)
ODD_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "\x00",
    "\ud83d",
    "💥" * 50,
    [],
    {},
    [[[]]],
    "../../etc/passwd",
    "' OR 1=1",
    "x\r\nx-injected: 1",
)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What is sent over one connection."""

    kind: str
    parts: tuple[bytes, ...]
    """Sent one after the other, with a short pause between them."""


def draw(rng: random.Random, family: str | None, marker: str = "", token: str = "") -> Attempt:
    """Return one attempt on a family's service, or on a port that serves pages behind a login.

    Args:
        rng: of this attempt.
        family: None where the port is no service's.
        marker: name of a planted defect, which the header ``x-plant`` asks for.
        token: what logs in to the pages; two of three attempts on them have it.
    """
    routes = ROUTES.get(family or "", (Route("/", {}), _PORTAL))
    route = rng.choice([routes[0], rng.choice(routes)])
    path = rng.choice([route.path] * 4 + [*PAGES, rng.choice(ODD_PATHS)])
    kind = rng.choice(list(KINDS))
    login = (f"authorization: Bearer {token}",) if family is None and token and rng.random() < 2 / 3 else ()
    host = "shop" if family else rng.choice(["localhost", "localhost", "localhost", "shop"])
    drawn = _Draw(rng, path, route.body, marker, method=route.method, host=host, login=login)
    return Attempt(kind=kind, parts=KINDS[kind](drawn))


def draw_honest(family: str, marker: str = "") -> bytes:
    """Return the family's honest request, for load; see :func:`draw`."""
    route = ROUTES[family][0]
    return _Draw(random.Random(0), route.path, route.body, marker).whole(json.dumps(route.body).encode())


@dataclass(frozen=True)
class _Draw:
    rng: random.Random
    path: str
    body: Mapping[str, Any]
    marker: str
    method: str = "POST"
    host: str = "shop"
    login: tuple[str, ...] = ()

    def json(self) -> bytes:
        return json.dumps(self.body).encode()

    def whole(
        self, content: bytes, *fields: str, method: str = "", version: str = "HTTP/1.1", length: bool = True
    ) -> bytes:
        lines = [f"{method or self.method} {self.path} {version}", f"host: {self.host}", *self.login, *fields]
        if not any(field.lower().startswith("content-type") for field in fields):
            lines.append("content-type: application/json")
        if length:
            lines.append(f"content-length: {len(content)}")
        if self.marker:
            lines.append(f"x-plant: {self.marker}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def _odd_value(draw: _Draw) -> tuple[bytes, ...]:
    rng = draw.rng
    extras = ("filter", "recent_events", "surprise", "num_results", "item_ids", "explain")
    value = rng.choice(ODD_VALUES)
    if draw.method == "GET":
        joined = "&" if "?" in draw.path else "?"
        asked = f"{rng.choice(('num_results', 'explain', 'surprise'))}={quote(str(value), errors='replace')}"
        return (replace(draw, path=draw.path + joined + asked).whole(b""),)
    body: dict[str, Any] = {**draw.body, rng.choice([*draw.body, *extras]): value}
    inside: list[dict[str, Any]] = [
        {**draw.body, key: [{**rows[0], name: value}, *rows]}
        for key, rows in draw.body.items()
        if isinstance(rows, list) and rows and isinstance(rows[0], dict)
        for name in rows[0]
    ]
    content = json.dumps(rng.choice([body, {"request": body}, [body], *inside]))
    return (draw.whole(content.encode()),)


def _no_json(draw: _Draw) -> tuple[bytes, ...]:
    rng, text = draw.rng, draw.json()
    content: Callable[[], bytes] = rng.choice(
        [
            lambda: rng.randbytes(rng.randrange(200)),
            lambda: text[: rng.randrange(len(text))],
            lambda: text.replace(b'"', b"'"),
            lambda: json.dumps({**draw.body, "texts": float("nan")}).encode(),
            lambda: b'{"a":' * 3000 + b"1" + b"}" * 3000,
            lambda: b"[" * 100_000,
            lambda: text.decode().encode("utf-16"),
            lambda: b'{"texts": ["' + b"a" * 1_100_000 + b'"]}',
            lambda: b"",
        ]
    )
    return (draw.whole(content()),)


def _odd_headers(draw: _Draw) -> tuple[bytes, ...]:
    field = draw.rng.choice(
        [
            "content-type: application/vnd.bentoml+pickle",
            "content-type: multipart/form-data; boundary=x",
            "content-type: ;",
            "content-encoding: gzip",
            "x-request-id: a b; c",
            "x-request-id: " + "x" * 300,
            "origin: https://evil.example",
            "expect: 100-continue",
            "expect: a miracle",
            "accept: application/x-nothing",
            "cookie: " + "a" * 5000,
            "content-length: 5",
            "x-forwarded-for: 1.2.3.4, 5.6.7.8",
        ]
    )
    return (draw.whole(draw.json(), field),)


def _upgrade(draw: _Draw) -> tuple[bytes, ...]:
    protocol = draw.rng.choice(["h2c", "websocket", "h2c, websocket", "TLS/1.0", ""])
    fields = ["connection: Upgrade, HTTP2-Settings", f"upgrade: {protocol}", "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA"]
    if draw.rng.random() < 0.5:
        fields += ["sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="]
    method = draw.rng.choice([draw.method, draw.method, "GET"])
    return (draw.whole(draw.json() if method != "GET" else b"", *fields, method=method),)


def _chunked(draw: _Draw) -> tuple[bytes, ...]:
    content = draw.json()
    chunks = draw.rng.choice(
        [
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content),
            b"zz\r\n%s\r\n0\r\n\r\n" % content,
            b"%x\r\n%s" % (len(content), content),
            b"-1\r\n\r\n",
            b"ffffffffffffffff1\r\n",
        ]
    )
    with_length = draw.rng.random() < 0.3
    return (draw.whole(b"", "transfer-encoding: chunked", length=with_length) + chunks,)


def _no_http(draw: _Draw) -> tuple[bytes, ...]:
    rng = draw.rng
    garbage: bytes = rng.choice(
        [
            rng.randbytes(rng.randrange(1, 300)) + b"\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200),
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\nna me: x\r\n\r\n",
            b"GET / HTTP/1.1\nhost: a\n\n",
            b"\r\n" * 20,
            b"GET http://other.example/ HTTP/1.1\r\nhost: shop\r\n\r\n",
            draw.whole(b"", f"x-many: {rng.random()}", *[f"x-{n}: a" for n in range(2000)]),
            draw.whole(b"", "x-large: " + "a" * 200_000),
        ]
    )
    return (garbage,)


def _unfinished(draw: _Draw) -> tuple[bytes, ...]:
    whole = draw.whole(draw.json())
    return (whole[: draw.rng.randrange(1, len(whole))],)


def _in_pieces(draw: _Draw) -> tuple[bytes, ...]:
    whole = draw.whole(draw.json())
    cuts = sorted(draw.rng.sample(range(1, len(whole)), 3))
    return tuple(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True))


def _in_a_row(draw: _Draw) -> tuple[bytes, ...]:
    return (draw.whole(draw.json()) * draw.rng.randrange(2, 6),)


def _odd_method(draw: _Draw) -> tuple[bytes, ...]:
    method = draw.rng.choice(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "HEAD", "BREW", "post"])
    content = draw.rng.choice([b"", draw.json(), b"no JSON"])
    return (draw.whole(content, method=method, version=draw.rng.choice(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"])),)


def _honest(draw: _Draw) -> tuple[bytes, ...]:
    return (draw.whole(draw.json()),)


KINDS: Final[Mapping[str, Callable[[_Draw], tuple[bytes, ...]]]] = {
    "an honest request": _honest,
    "an odd value": _odd_value,
    "no JSON": _no_json,
    "odd headers": _odd_headers,
    "an upgrade": _upgrade,
    "chunks": _chunked,
    "no HTTP": _no_http,
    "an unfinished request": _unfinished,
    "in pieces": _in_pieces,
    "several in a row": _in_a_row,
    "an odd method": _odd_method,
}
