"""Two roles come through the gateway: an editor launches and decides, a viewer sees it all and changes nothing."""

import json
from typing import Any

import dagster as dg
import httpx
import pytest
from typer.testing import CliRunner

from orchestration.gateway.people import People, PersonError
from shopsight.settings import Settings

LAUNCH = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "reject_candidate"}
  runConfigData: {ops: {reject: {config: {family: "intent", reason: "a viewer"}}}}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
WIPE = """mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["x"]}}]) { __typename } }"""
STOP = """mutation { shutdownRepositoryLocation(repositoryLocationName: "shopsight") { __typename } }"""
SEEN = """query { permissions { permission value }
  repositoriesOrError { ... on RepositoryConnection { nodes { name pipelines { name } } } } }"""


def asked(web: str, token: str, query: str) -> dict[str, Any]:
    answer = httpx.post(
        f"{web}/graphql",
        json={"query": query},
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def test_a_viewer_sees_what_an_editor_sees_and_dagster_lets_it_change_nothing(
    web: str, owner: Settings, instance: dg.DagsterInstance
) -> None:
    viewer, editor = People(owner).add("Vera", "viewer"), People(owner).add("Edda")
    seen, seen_by_editor = asked(web, viewer, SEEN), asked(web, editor, SEEN)
    assert seen["repositoriesOrError"] == seen_by_editor["repositoriesOrError"]
    assert "reject_candidate" in json.dumps(seen["repositoriesOrError"])
    assert not any(one["value"] for one in seen["permissions"])
    assert {"permission": "launch_pipeline_execution", "value": True} in seen_by_editor["permissions"]
    for mutation in (LAUNCH, WIPE, STOP):
        (outcome,) = asked(web, viewer, mutation).values()
        assert outcome["__typename"] == "UnauthorizedError", outcome
    assert instance.get_runs() == []
    (outcome,) = asked(web, editor, LAUNCH).values()
    assert outcome["__typename"] == "LaunchRunSuccess"


def test_a_viewer_sends_nothing_but_questions(web: str, owner: Settings) -> None:
    token = People(owner).add("Vera", "viewer")
    with httpx.Client(base_url=web, headers={"authorization": f"Bearer {token}"}, trust_env=False) as viewer:
        assert viewer.get("/assets").status_code == 200
        answer = viewer.post("/report_asset_check/x", json={"check_name": "y", "passed": True})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "viewer" in answer.json()["detail"]


def test_a_viewer_reads_the_reports_and_its_page_says_what_it_may(reports, owner: Settings) -> None:
    with reports.client(bearer=People(owner).add("Vera", "viewer")) as viewer:
        assert viewer.get("/drift/churn.html").status_code == 200
        assert "You may look, and change nothing." in viewer.get("/login").text
    with reports.client(bearer=People(owner).add("Edda")) as editor:
        assert "Decisions about models are recorded under this name." in editor.get("/login").text


def test_a_role_changes_with_a_new_token_and_lists_of_before_hold_editors(owner: Settings) -> None:
    people = People(owner)
    old = people.add("Vera")
    path = owner.keys_dir / "people.json"
    path.write_text(json.dumps([{k: v for k, v in one.items() if k != "role"} for one in json.loads(path.read_text())]))
    assert people.holder(old).role == "editor"
    new = people.add("Vera", "viewer")
    assert people.holder(old) is None
    assert people.holder(new).role == "viewer"
    with pytest.raises(PersonError, match="the roles are: editor, viewer"):
        people.add("Vera", "owner")
    assert people.holder(new).role == "viewer"


def test_roles_are_given_and_listed_at_the_command_line(owner: Settings) -> None:
    from cli.app import app

    runner = CliRunner()
    added = json.loads(runner.invoke(app, ["people", "add", "Vera", "--role", "viewer", "--json"]).stdout)
    assert People(owner).holder(added["token"]).role == "viewer"
    listed = json.loads(runner.invoke(app, ["people", "list", "--json"]).stdout)
    assert [(person["name"], person["role"]) for person in listed["people"]] == [("Vera", "viewer")]
    assert runner.invoke(app, ["people", "add", "Vera", "--role", "boss"]).exit_code == 1


def test_a_login_through_a_named_proxy_by_https_is_for_https_alone(reports, owner: Settings) -> None:
    from orchestration.gateway.gateway import Gateway
    from orchestration.gateway.reports import reports_app
    from orchestration.gateway.servers import listening, served

    https = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}

    def cookie(port: int) -> str:
        answer = httpx.get(
            f"http://127.0.0.1:{port}/", params={"token": "a-token-for-tests-only"}, headers=https, trust_env=False
        )
        return answer.headers["set-cookie"]

    assert "Secure" not in cookie(reports.port)
    behind = owner.model_copy(update={"trusted_proxies": "127.0.0.1"})
    listener = listening("127.0.0.1", 0)
    with served(Gateway(reports_app(owner.reports_dir), behind), listener, behind):
        assert "Secure" in cookie(listener.getsockname()[1])
