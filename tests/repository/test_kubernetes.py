"""deploy/kubernetes/ is valid Kubernetes, and agrees with itself and with what shopsight is."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml
from deployment import DEPLOY, PORTS, SETTINGS, STORES, is_pinned, secrets_into

from orchestration.web_ui import SERVER_INFO
from serving.http.access import KEYLESS
from serving.http.draining import IDLE_SECONDS
from serving.running.keeper import SILENT_LOOKS
from serving.running.launcher import READY_SECONDS, START_SECONDS, STOP_SECONDS
from shopsight import __version__
from shopsight.families import FAMILIES
from shopsight.settings import Settings

FOLDER: Final = DEPLOY / "kubernetes"
VERSION: Final = "1.34"
KUSTOMIZATION: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
FILES: Final = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")


def documents(*names: str) -> list[dict[str, Any]]:
    return [one for name in names or FILES for one in yaml.safe_load_all((FOLDER / name).read_text())]


@cache
def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in documents() if one["kind"] in kinds}


WORKLOADS: Final = of_kind("Deployment", "StatefulSet")
SERVED: Final = {name: one for name, one in WORKLOADS.items() if name not in {*STORES, "dagster"}}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    result: dict[str, Any] = only
    return result


def part(name: str) -> str:
    """Return which part of `up` a workload starts."""
    *rest, started = container(name)["args"]
    assert rest == ["up", "--logs", "--only"]
    return str(started)


def seconds(probe: dict[str, Any]) -> int:
    """Return how long a probe may fail before something is done."""
    return int(probe["periodSeconds"] * probe["failureThreshold"])


@pytest.mark.parametrize("name", FILES)
def test_every_manifest_is_valid(name: str) -> None:
    for document in documents(name):
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_a_manifest_with_a_misspelt_field_is_not() -> None:
    (claim,) = documents("home.yaml")
    claim["spec"]["accesModes"] = claim["spec"].pop("accessModes")
    with pytest.raises(kubernetes_validate.ValidationError, match="accesModes"):
        kubernetes_validate.validate(claim, VERSION, strict=True)


def test_kustomize_builds_them_all_with_the_secrets_that_the_script_makes(tmp_path: Path) -> None:
    assert sorted(KUSTOMIZATION["resources"]) == FILES
    folder = shutil.copytree(FOLDER, tmp_path / "kubernetes", ignore=shutil.ignore_patterns("secrets"))
    made = secrets_into(folder / "secrets")
    given = {"secrets/api_keys.json", "secrets/tls.crt", "secrets/tls.key"}
    wanted = {file for secret in KUSTOMIZATION["secretGenerator"] for file in secret["files"]}
    assert wanted - given <= {f"secrets/{name}" for name in made}
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here; the files were looked at all the same")
    for name in given:
        (folder / name).write_text("given")
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    everything = list(yaml.safe_load_all(built.stdout))
    for document in everything:
        kubernetes_validate.validate(document, VERSION, strict=True)
    secrets = {one["metadata"]["name"] for one in everything if one["kind"] == "Secret"}
    used = {name for one in everything for name in secrets_of(one)}
    assert used == secrets, "a secret that no pod and no ingress uses, or one that is missing"
    images = {image["image"] for one in everything for image in containers_of(one)}
    assert {image for image in images if "shopsight" in image} == {f"registry.shop.example/shopsight:{__version__}"}
    assert [image for image in images if not is_pinned(image)] == []


def secrets_of(document: dict[str, Any]) -> Iterator[str]:
    spec = document.get("spec", {})
    for volume in spec.get("template", {}).get("spec", {}).get("volumes", ()):
        if "secret" in volume:
            yield volume["secret"]["secretName"]
    yield from (entry["secretName"] for entry in spec.get("tls", ()))


def containers_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()))


def test_no_manifest_holds_the_value_of_a_secret() -> None:
    assert of_kind("Secret") == {}
    assert not any("literals" in secret or "envs" in secret for secret in KUSTOMIZATION["secretGenerator"])
    variables = [entry for name in WORKLOADS for entry in container(name).get("env", ())]
    assert [one["name"] for one in variables if "PASSWORD" in one["name"] and "/" not in one.get("value", "")] == []


def test_each_part_of_up_is_a_workload_with_a_service_at_its_own_port() -> None:
    assert {part(name): name for name in {*SERVED, "dagster"}} == {one: one.replace("_", "-") for one in PORTS}
    ports = {**{one.replace("_", "-"): port for one, port in PORTS.items()}, "postgres": 5432, "redis": 6379}
    for name, service in of_kind("Service").items():
        assert service["spec"]["selector"].items() <= WORKLOADS[name]["spec"]["template"]["metadata"]["labels"].items()
        opened = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == opened
        assert next(iter(opened.values())) == ports.get(name, 4222)
    for name in ("reports", "studio"):
        port = Settings.model_fields[f"{name}_port"].default
        assert {"name": name, "containerPort": port} in container("dagster")["ports"]


def test_every_variable_is_a_setting_and_fits_it() -> None:
    values = of_kind("ConfigMap")["shopsight"]["data"]
    assert set(values) - SETTINGS == set()
    assert [value for value in values.values() if not isinstance(value, str)] == []
    settings = Settings.model_validate(
        {name.removeprefix("SHOPSIGHT_").lower(): value for name, value in values.items()}
    )
    assert not settings.on_loopback
    assert str(settings.api_keys_file).startswith("/etc/shopsight/")
    files = [file for secret in KUSTOMIZATION["secretGenerator"] for file in secret["files"]]
    assert {Path(file).name for file in files if "SHOPSIGHT_" in file} - SETTINGS == set()


def test_probes_ask_for_pages_that_exist_and_have_more_patience_than_what_keeps_the_service() -> None:
    assert {"/livez", "/readyz"} <= set(KEYLESS)
    for name in SERVED:
        probes = {kind: container(name)[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")}
        asked = {kind: probe["httpGet"]["path"] for kind, probe in probes.items()}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        assert seconds(probes["startup"]) > START_SECONDS
        assert seconds(probes["liveness"]) > SILENT_LOOKS * (READY_SECONDS + 1) + START_SECONDS
    for kind in ("startup", "liveness", "readiness"):
        probe = container("dagster")[f"{kind}Probe"]["httpGet"]
        assert probe == {"path": SERVER_INFO, "port": "http", "httpHeaders": [{"name": "Host", "value": "localhost"}]}


def test_a_rollout_takes_nothing_away_before_its_successor_answers() -> None:
    for name, workload in SERVED.items():
        assert workload["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        command, pause = container(name)["lifecycle"]["preStop"]["exec"]["command"]
        assert command == "sleep"
        assert pod(name)["terminationGracePeriodSeconds"] > int(pause) + IDLE_SECONDS + STOP_SECONDS
        assert "replicas" not in workload["spec"], "an apply would undo what the autoscaler has done"
        scaler = of_kind("HorizontalPodAutoscaler")[name]["spec"]
        assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        budget = of_kind("PodDisruptionBudget")[name]["spec"]
        assert scaler["minReplicas"] > budget["minAvailable"] == 1
        assert budget["selector"] == workload["spec"]["selector"]
    dagster = WORKLOADS["dagster"]["spec"]
    assert (dagster["replicas"], dagster["strategy"]) == (1, {"type": "Recreate"}), "two daemons would work on one home"


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_pod_is_root_writes_outside_its_volumes_or_takes_all_the_memory(name: str) -> None:
    spec, only = pod(name), container(name)
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(only["resources"]["requests"])
    assert "memory" in only["resources"]["limits"]
    mounted, given = {mount["name"] for mount in only["volumeMounts"]}, {volume["name"] for volume in spec["volumes"]}
    claims = {claim["metadata"]["name"] for claim in WORKLOADS[name]["spec"].get("volumeClaimTemplates", ())}
    assert mounted == given | claims


def test_the_ingress_sends_each_familys_route_to_its_service_and_keeps_the_rest_inside() -> None:
    (ingress,) = of_kind("Ingress").values()
    rules = {rule["host"].split(".")[0]: rule["http"]["paths"] for rule in ingress["spec"]["rules"]}
    opened = {(name, port["name"]) for name, service in of_kind("Service").items() for port in service["spec"]["ports"]}
    led_to = {
        (path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for paths in rules.values()
        for path in paths
    }
    assert led_to <= opened
    assert {name for name, _ in led_to} == {*SERVED, "dagster"}
    for family in FAMILIES.values():
        name = next(
            path["backend"]["service"]["name"] for path in rules["api"] if family.route.startswith(path["path"])
        )
        assert name == family.name.replace("_", "-")
    assert [path["path"] for path in rules["api"] if not path["path"].startswith("/v1/")] == []
    assert {path["path"] for path in rules["events"]} == {"/tracker.js", "/v1"}
    assert {path["path"] for path in rules["agents"]} == {"/.well-known/ucp", "/mcp", "/v1/ucp"}


def test_the_network_policies_name_every_pod() -> None:
    named = {
        policy: {value for entry in one["spec"]["podSelector"].get("matchExpressions", ()) for value in entry["values"]}
        for policy, one in of_kind("NetworkPolicy").items()
    }
    assert named == {"nobody": set(), "from-outside": {*SERVED, "dagster"}, "to-the-stores": STORES}
