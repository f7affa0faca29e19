"""What a proxy says of its client is believed of the named proxies, and of nobody else."""

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from pydantic import ValidationError

from serving.http.guard import RequestGuard
from serving.http.proxies import believe_named_proxies
from shopsight.api_keys import ApiKeys
from shopsight.settings import Settings

FORWARDED = [(b"x-forwarded-for", b"203.0.113.9, 10.1.0.2"), (b"x-forwarded-proto", b"https")]


def reached(proxies: str, client: str, headers: list[tuple[bytes, bytes]] = FORWARDED) -> tuple[str, str]:
    """Return client and scheme as a service sees them that uvicorn serves, as BentoML's workers start it."""
    seen: list[tuple[str, str]] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))

    config = uvicorn.Config(app, log_config=None)
    config.load()
    server = uvicorn.Server(config)
    for _ in range(2):  # once more changes nothing
        believe_named_proxies(server, Settings(trusted_proxies=proxies))
    scope = {"type": "http", "client": (client, 5), "scheme": "http", "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))
    return seen[0]


def test_without_named_proxies_nobody_is_believed_not_even_this_machine() -> None:
    assert reached("", "127.0.0.1") == ("127.0.0.1", "http")
    assert reached("", "10.1.0.1") == ("10.1.0.1", "http")


def test_named_proxies_are_believed_up_to_the_first_that_is_not_named() -> None:
    assert reached("10.1.0.0/16", "10.1.0.1") == ("203.0.113.9", "https")
    assert reached("10.1.0.1, 127.0.0.1", "10.1.0.1") == ("10.1.0.2", "https")
    assert reached("10.1.0.0/16", "10.2.0.1") == ("10.2.0.1", "http")
    assert reached("::1", "::1") == ("10.1.0.2", "https")
    spoofed = [(b"x-forwarded-for", b"127.0.0.1, 198.51.100.4, 10.1.0.2")]
    assert reached("10.1.0.0/16", "10.1.0.1", spoofed) == ("198.51.100.4", "http")


@pytest.mark.parametrize("wrong", ["shop", "10.0.0.0/33", "10.0.0.1/8", "*", "10.0.0.1;10.0.0.2"])
def test_a_proxy_that_is_no_address_or_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="no address or network of proxies"):
        Settings(trusted_proxies=wrong)


def test_the_log_of_refusals_names_the_client_behind_the_proxy(
    home: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ApiKeys(home).create("shop", ["read"])
    settings = home.model_copy(update={"trusted_proxies": "10.1.0.0/16"})

    async def ignore(*_: Any) -> None:
        return None

    config = uvicorn.Config(RequestGuard(ignore, settings=settings), log_config=None)
    config.load()
    believe_named_proxies(uvicorn.Server(config), settings)
    scope = {"type": "http", "method": "GET", "path": "/v1/models", "client": ("10.1.0.1", 5), "scheme": "http"}
    with caplog.at_level(logging.WARNING, "shopsight.access"):
        asyncio.run(config.loaded_app(scope | {"headers": FORWARDED, "server": ("127.0.0.1", 1)}, ignore, ignore))
    assert "401 key_missing for '203.0.113.9'" in caplog.text
