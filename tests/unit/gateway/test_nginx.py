"""deploy/nginx/shopsight.conf, run by Debian's nginx before the real gateways, a real Dagster and a real service."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from running import free_port
from starlette.types import ASGIApp

from orchestration.gateway.people import People
from serving.collector.tracking import keyless
from serving.http.access import Addresses
from serving.http.guard import RequestGuard
from shopsight.api_keys import ApiKeys
from shopsight.families import SERVICES
from shopsight.settings import REPO_ROOT, Settings

CONFIGURATION: Final = REPO_ROOT / "deploy" / "nginx" / "shopsight.conf"
AROUND: Final = """{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    types {{ text/html html; text/css css; }}
    {temporary}
    include {folder}/shopsight.conf;
}}
"""
LAUNCH: Final = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "reject_candidate"}
  runConfigData: {ops: {reject: {config: {family: "intent", reason: "through nginx"}}}}
}) { __typename } }"""


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    for tool in ("nginx", "openssl"):
        if shutil.which(tool) is None and not Path(f"/usr/sbin/{tool}").exists():
            pytest.skip(f"no {tool} here: `apt install {tool}`")


@pytest.fixture
def owner(owner: Settings) -> Settings:
    """The home of Ada, set up as the configuration says."""
    text = CONFIGURATION.read_text()
    hosts = re.search(r"SHOPSIGHT_ALLOWED_HOSTS=(\S+)", text)
    proxies = re.search(r"SHOPSIGHT_TRUSTED_PROXIES=(\S+)", text)
    assert hosts is not None
    assert proxies is not None
    return owner.model_copy(update={"allowed_hosts": hosts[1], "trusted_proxies": proxies[1]})


async def client_of(scope: Any, _receive: Any, send: Any) -> None:
    """Answer with whom a request came from."""
    body = json.dumps({"client": scope["client"][0], "scheme": scope["scheme"], "path": scope["path"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


class Nginx:
    """What a client of nginx asks, by the names of the configuration."""

    def __init__(self, port: int, plain_port: int) -> None:
        self.port, self.plain_port = port, plain_port
        self._client = httpx.Client(verify=False, trust_env=False, timeout=30)

    def ask(self, part: str, path: str = "/", method: str = "GET", **request: Any) -> httpx.Response:
        host = {"host": f"{part}.shop.example:{self.port}"}
        self._client.cookies.clear()
        headers = host | request.pop("headers", {})
        return self._client.request(method, f"https://127.0.0.1:{self.port}{path}", headers=headers, **request)

    def close(self) -> None:
        self._client.close()

    def cookie(self, part: str, token: str) -> dict[str, str]:
        """Return the header of a browser that logged in at one of the names."""
        answer = self.ask(part, f"/?token={token}")
        assert answer.status_code == 303, answer.text
        assert "Secure" in answer.headers["set-cookie"]
        return {"cookie": answer.headers["set-cookie"].split(";")[0]}


@pytest.fixture
def nginx(
    request: pytest.FixtureRequest, reports: Any, owner: Settings, serve: Callable[[ASGIApp], int], tmp_path: Path
) -> Iterator[Nginx]:
    """The project's configuration, with ports and folders of this test in the place of those of a machine.

    Dagster takes seconds to start, so only a test that looks into its instance has one.
    """
    web = request.getfixturevalue("web") if "instance" in request.fixturenames else reports.url
    site, tls, folder = tmp_path / "site", tmp_path / "tls", tmp_path / "nginx"
    for made in (site, tls, folder):
        made.mkdir()
    (site / "index.html").write_text("the docs")
    (site / "marts.html").write_text("the marts")
    files = ["-keyout", str(tls / "shopsight.key"), "-out", str(tls / "shopsight.crt")]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command = ["openssl", "req", "-x509", "-subj", "/CN=shop.example", *curve, *files]
    subprocess.run(command, check=True, capture_output=True)
    service = serve(RequestGuard(client_of, settings=owner))
    addresses = Addresses(keyless=keyless(owner), writes=("/v1",))
    collector = serve(RequestGuard(client_of, settings=owner, addresses=addresses))
    port, plain_port = free_port(), free_port()
    text = CONFIGURATION.read_text()
    for theirs, ours in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80 ": f"listen 127.0.0.1:{plain_port} ",
        "/etc/nginx/tls/": f"{tls}/",
        "/srv/shopsight/site;": f"{site};",
        "http://127.0.0.1:3004": reports.url,
        "http://127.0.0.1:3000": web,
        "http://127.0.0.1:3002": f"http://127.0.0.1:{service}",
        "http://127.0.0.1:3006": f"http://127.0.0.1:{collector}",
    }.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    (folder / "shopsight.conf").write_text(text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    is_root = Path("/proc/self").stat().st_uid == 0  # its workers could not read the folder of a test
    around = AROUND.format(user="user root;" if is_root else "", folder=folder, temporary=temporary)
    (folder / "nginx.conf").write_text(around)
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    checked = subprocess.run([binary, "-t", "-c", folder / "nginx.conf"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([binary, "-c", folder / "nginx.conf"])
    try:
        served = Nginx(port, plain_port)
        for _ in range(100):
            try:
                served.ask("docs")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield served
        served.close()
    finally:
        process.terminate()
        process.wait()


def test_one_login_with_two_roles_stands_before_dagster_the_reports_and_the_docs(
    nginx: Nginx, owner: Settings, instance: Any
) -> None:
    viewer, editor = People(owner).add("Vera", "viewer"), People(owner).add("Edda")
    page = {"accept": "text/html"}
    for part, path in (("dagster", "/assets"), ("reports", "/drift/churn.html"), ("docs", "/marts.html")):
        for headers in ({}, page, {"cookie": "shopsight_3000=made-up"}, {"authorization": "Bearer wrong"}):
            answer = nginx.ask(part, path, headers=headers)
            assert answer.status_code == 401, (part, headers)
            assert "the marts" not in answer.text
        assert 'action="/login"' in nginx.ask(part, path, headers=page).text
        for token in (viewer, editor):
            assert nginx.ask(part, path, headers=nginx.cookie(part, token)).status_code == 200
            assert nginx.ask(part, path, headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert nginx.ask("docs", "/marts.html", headers=nginx.cookie("docs", viewer)).text == "the marts"
    for token, outcome in ((viewer, "UnauthorizedError"), (editor, "LaunchRunSuccess")):
        origin = {"origin": f"https://dagster.shop.example:{nginx.port}", "sec-fetch-site": "same-origin"}
        headers = nginx.cookie("dagster", token) | origin
        answer = nginx.ask("dagster", "/graphql", "POST", json={"query": LAUNCH}, headers=headers)
        assert answer.json()["data"]["launchRun"]["__typename"] == outcome, answer.text
    (run,) = instance.get_runs()
    assert run.tags["shopsight/user"] == "Edda"


def test_the_login_page_of_the_docs_leads_back_to_the_page_that_was_asked_for(nginx: Nginx, owner: Settings) -> None:
    token = People(owner).add("Vera", "viewer")
    form = nginx.ask("docs", "/marts.html", headers={"accept": "text/html"}).text
    assert 'name="target" value="/marts.html"' in form
    own = {"origin": f"https://docs.shop.example:{nginx.port}"}
    answer = nginx.ask("docs", "/login", "POST", data={"token": token, "target": "/marts.html"}, headers=own)
    assert (answer.status_code, answer.headers["location"]) == (303, "/marts.html")
    cookie = {"cookie": answer.headers["set-cookie"].split(";")[0]}
    assert nginx.ask("docs", "/marts.html", headers=cookie).text == "the marts"
    assert nginx.ask("docs", "/_logged_in", headers=cookie).status_code == 404  # for nginx alone
    People(owner).remove("Vera")
    assert nginx.ask("docs", "/marts.html", headers=cookie).status_code == 401


def test_the_services_answer_through_it_with_a_key_alone_and_know_the_client(nginx: Nginx, owner: Settings) -> None:
    claims = {"x-forwarded-for": "8.8.8.8", "x-forwarded-proto": "gopher"}
    refused = nginx.ask("api", "/v1/recommendations", headers=claims)
    assert (refused.status_code, refused.json()["code"]) == (401, "keys_required")
    key = ApiKeys(owner).create("shop", ["read"])
    time.sleep(0.6)
    assert nginx.ask("api", "/v1/recommendations").json()["code"] == "key_missing"
    answer = nginx.ask("api", "/v1/users/u/recommendations", headers=claims | {"x-api-key": key, "x-request-id": "r1"})
    assert answer.json() == {"client": "127.0.0.1", "scheme": "https", "path": "/v1/users/u/recommendations"}
    assert answer.headers["x-request-id"] == "r1"
    for hidden in ("/metrics", "/docs.json", "/v1/models", "/"):
        assert nginx.ask("api", hidden, headers={"x-api-key": key}).status_code == 404


def test_the_collector_takes_events_with_a_key_and_signed_webhooks_and_shows_nothing_else(
    nginx: Nginx, owner: Settings
) -> None:
    key = ApiKeys(owner).create("shop", ["write"])
    time.sleep(0.6)
    assert nginx.ask("events", "/tracker.js").json()["path"] == "/tracker.js"
    for path in ("/v1/events", "/v1/batch", "/v1/track", "/v1/page", "/v1/identify", "/v1/items", "/v1/items/i_1"):
        assert nginx.ask("events", path, "POST", json={}).json()["code"] == "key_missing"
        assert nginx.ask("events", path, "POST", json={}, headers={"x-api-key": key}).json()["path"] == path
    for system in ("shopify", "woocommerce"):
        signed = nginx.ask("events", f"/v1/webhooks/{system}", "POST", json={})
        assert signed.json() == {"client": "127.0.0.1", "scheme": "https", "path": f"/v1/webhooks/{system}"}
    for hidden in ("/metrics", "/docs.json", "/readyz", "/", "/v1/events/x"):
        assert nginx.ask("events", hidden, headers={"x-api-key": key}).status_code == 404


def test_every_service_has_its_place_in_the_configuration() -> None:
    text = CONFIGURATION.read_text()
    ports = {service.port_setting: getattr(Settings(), service.port_setting) for service in SERVICES.values()}
    assert [setting for setting, port in ports.items() if f"http://127.0.0.1:{port};" not in text] == []


def test_other_names_get_no_answer_and_plain_http_leads_to_https(nginx: Nginx) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        nginx.ask("evil")
    plain = httpx.get(f"http://127.0.0.1:{nginx.plain_port}/x", headers={"host": "docs.shop.example"}, trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (301, "https://docs.shop.example/x")
