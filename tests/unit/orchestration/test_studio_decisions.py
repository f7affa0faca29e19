"""Decisions that are taken on Studio's pages: in the name of the login, by those whom the directory lets."""

import re

import pytest
import yaml
from pydantic import SecretStr
from starlette.testclient import TestClient

from models.registry.registry import ModelRegistry
from orchestration.gateway.people import People
from orchestration.studio_server import guarded_studio
from shopsight.settings import Settings

TOKEN = "a-token-for-tests-only"
REASON = "beats every baseline on the test window"


@pytest.fixture
def shop(home: Settings) -> Settings:
    """A home that Ada runs, in which Ada and Bea approve, and Hal is in no directory."""
    home.home.mkdir(parents=True, exist_ok=True)
    home.approvers_path.write_text(yaml.safe_dump({"approvers": [{"name": "Ada"}, {"name": "Bea"}]}))
    return home.model_copy(update={"user": "Ada", "token": SecretStr(TOKEN)})


class Browser:
    """Somebody who is logged in."""

    def __init__(self, shop: Settings, token: str, **headers: str) -> None:
        self._client = TestClient(guarded_studio(shop), base_url="http://localhost", follow_redirects=False)
        assert self._client.get("/", params={"token": token}).status_code == 303
        self._client.headers.update({"origin": "http://localhost"} | headers)

    def page(self, address: str) -> str:
        return self._client.get(address).text

    def token(self, page: str) -> str:
        said = re.search(r'name="token" value="([^"]+)"', self.page(page))
        return said[1] if said else ""

    def decide(self, version: str, word: str, *, token: str | None = None, reason: str = REASON, **more: str):
        page = f"/models/recommender/{version}"
        form = {"word": word, "reason": reason, "token": self.token(page) if token is None else token}
        return self._client.post(f"{page}/decision", data=form | more)


def test_a_candidate_is_approved_in_the_name_of_the_login_whatever_the_form_says(shop: Settings, register) -> None:
    version = register()
    ada = Browser(shop, TOKEN)
    assert f"/models/recommender/{version}" in ada.page("/"), "Today says that it waits"
    done = ada.decide(version, "approve", approver="Bea", by="Bea")
    assert (done.status_code, done.headers["location"]) == (303, f"/models/recommender/{version}?done=approve")
    approved = ModelRegistry.of(shop).version("recommender", version)
    assert approved.status == "champion"
    assert approved.approval is not None
    assert (approved.approval.approver, approved.approval.reason) == ("Ada", REASON)
    assert "Approved by Ada" in ada.page(done.headers["location"])


def test_a_candidate_is_rejected_and_one_that_the_gate_refused_has_no_button_to_approve_it(
    shop: Settings, register
) -> None:
    version = register(eligible=False)
    ada = Browser(shop, TOKEN)
    page = ada.page(f"/models/recommender/{version}")
    assert 'value="reject"' in page
    assert 'value="approve"' not in page
    refused = ada.decide(version, "approve")
    assert refused.status_code == 409
    assert "It does not beat popularity" in refused.text
    assert ada.decide(version, "reject").status_code == 303
    assert ModelRegistry.of(shop).version("recommender", version).status == "rejected"


def test_who_launched_a_training_does_not_approve_its_model(shop: Settings, register) -> None:
    version = register(launched_by="Ada")
    refused = Browser(shop, TOKEN).decide(version, "approve")
    assert refused.status_code == 409
    assert "What to do" in refused.text
    assert Browser(shop, People(shop).add("Bea")).decide(version, "approve").status_code == 303


def test_whom_the_directory_does_not_name_decides_nothing(shop: Settings, register) -> None:
    version = register()
    refused = Browser(shop, People(shop).add("Hal")).decide(version, "approve")
    assert refused.status_code == 409
    assert "Hal" in refused.text
    assert ModelRegistry.of(shop).version("recommender", version).status == "candidate"


def test_a_reason_is_wanted(shop: Settings, register) -> None:
    assert Browser(shop, TOKEN).decide(version := register(), "approve", reason="  ").status_code == 409
    assert ModelRegistry.of(shop).version("recommender", version).status == "candidate"


def test_a_viewer_sees_no_form_and_no_form_of_theirs_is_taken(shop: Settings, register) -> None:
    version = register()
    vera = Browser(shop, People(shop).add("Vera", "viewer"))
    assert "<form" not in vera.page(f"/models/recommender/{version}")
    assert vera.decide(version, "reject").status_code == 403
    assert ModelRegistry.of(shop).version("recommender", version).status == "candidate"


def test_a_form_without_the_persons_own_token_or_of_another_site_decides_nothing(shop: Settings, register) -> None:
    version = register()
    ada, hal = Browser(shop, TOKEN), Browser(shop, People(shop).add("Hal"))
    for token in ("", "0" * 64, hal.token(f"/models/recommender/{version}")):
        refused = ada.decide(version, "approve", token=token)
        assert refused.status_code == 403
        assert "This form is not of a page" in refused.text
    elsewhere = Browser(shop, TOKEN, origin="http://shop.example")
    assert elsewhere.decide(version, "approve", token=ada.token(f"/models/recommender/{version}")).status_code == 403
    assert ModelRegistry.of(shop).version("recommender", version).status == "candidate"


def test_only_what_serves_is_rolled_back_and_only_to_a_version_before_it(shop: Settings, register) -> None:
    first = register()
    ada = Browser(shop, TOKEN)
    assert "does not serve" in ada.decide(first, "rollback").text
    assert ada.decide(first, "approve").status_code == 303
    assert ada.decide(first, "rollback").status_code == 409, "nothing served before it"
    second = register()
    assert ada.decide(second, "approve").status_code == 303
    assert ada.decide(second, "rollback").status_code == 303
    versions = {one.version: one.status for one in ModelRegistry.of(shop).versions("recommender")}
    assert versions == {first: "champion", second: "withdrawn"}


def test_nobody_looks_in_without_a_login(shop: Settings) -> None:
    client = TestClient(guarded_studio(shop), base_url="http://localhost")
    assert client.get("/models").status_code == 401
    assert client.get("/livez").text == "ok"
    assert client.post("/shoppers/list", data={"user": "maya"}).status_code == 401
