"""Dagster's real web application behind the gateway: who launches a decision there, and who cannot."""

import json

import dagster as dg
import httpx
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from orchestration.attribution import SIGNATURE_TAG, USER_TAG, person_of_run
from orchestration.gateway.people import People
from shopsight.settings import Settings

TOKEN = "a-token-for-tests-only"
LAUNCH = """mutation Launch($tags: [ExecutionTag!], $config: RunConfigData) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "reject_candidate"}
    runConfigData: $config
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
AGAIN = """mutation Again($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""
CONFIG = {"ops": {"reject": {"config": {"family": "intent", "version": "", "reason": "an img tag"}}}}
IN_THE_ADDRESS = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "reject_candidate"}
  runConfigData: {ops: {reject: {config: {family: "intent", reason: "an img tag"}}}}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


def ask(web: str, query: str, variables: object, token: str = TOKEN) -> str:
    """Launch a run as a logged-in person, and return its id."""
    answer = httpx.post(
        f"{web}/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    ).json()
    (outcome,) = answer["data"].values()
    assert outcome["__typename"] == "LaunchRunSuccess", answer
    return str(outcome["run"]["runId"])


def test_the_request_of_an_image_on_another_page_decides_nothing(web: str, instance: dg.DagsterInstance) -> None:
    rebound = {"host": "rebind.evil.example", "origin": "http://evil.example"}
    bearer = {"authorization": f"Bearer {TOKEN}"}
    login = httpx.get(web, params={"token": TOKEN}, trust_env=False)
    cookie = {"cookie": login.headers["set-cookie"].split(";")[0]}
    image = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    for headers, status in (
        (rebound, 403),
        (rebound | bearer, 403),
        ({}, 401),
        (cookie | image, 403),
        (cookie | {"sec-fetch-site": "same-site"}, 403),
        (cookie, 405),
        (bearer, 405),
    ):
        answer = httpx.get(f"{web}/graphql", params={"query": IN_THE_ADDRESS}, headers=headers, trust_env=False)
        assert answer.status_code == status, (headers, answer.text)
    assert instance.get_runs() == []
    assert ask(web, IN_THE_ADDRESS, {}), "it is a mutation that launches, where Ada sends it herself"


def test_a_run_carries_who_launched_it_whatever_the_launchpad_says(
    web: str, owner: Settings, instance: dg.DagsterInstance
) -> None:
    typed = [{"key": USER_TAG, "value": "Mallory"}, {"key": SIGNATURE_TAG, "value": "0" * 64}]
    run_id = ask(web, LAUNCH, {"tags": typed, "config": CONFIG})
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status != dg.DagsterRunStatus.QUEUED, "a decision waits for no other run"
    assert person_of_run(owner, run_id, run.tags) == "Ada"


def test_who_launches_a_run_again_answers_for_it(web: str, owner: Settings, instance: dg.DagsterInstance) -> None:
    grace = People(owner).add("Grace")
    first = ask(web, LAUNCH, {"tags": [], "config": CONFIG})
    again = instance.get_run_by_id(ask(web, AGAIN, {"run": first}, token=grace))
    assert again is not None
    assert again.parent_run_id == first
    assert person_of_run(owner, again.run_id, again.tags) == "Grace"


def test_the_forms_of_dagster_reach_its_web_application(web: str) -> None:
    with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, base_url=web, trust_env=False) as script:
        page = script.get("/locations/shopsight/jobs/reject_candidate", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert "<script" in page.text
        policies = page.headers.get_list("content-security-policy")
        assert len(policies) == 2, "Dagster's own, and the gateway's beside it"
        assert json.loads(script.get("/server_info").text)["dagster_version"] == dg.__version__


def test_a_websocket_answers_subscriptions_and_launches_nothing(web: str, instance: dg.DagsterInstance) -> None:
    with connect(
        web.replace("http", "ws") + "/graphql",
        subprotocols=[Subprotocol("graphql-ws")],
        additional_headers={"Authorization": f"Bearer {TOKEN}"},
        proxy=None,
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=30))["type"] == "connection_ack"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": IN_THE_ADDRESS}}))
        assert json.loads(socket.recv(timeout=30))["type"] == "error"
    assert instance.get_runs() == []
