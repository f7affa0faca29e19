"""Whether a service is what its ``/docs.json`` says: by schemathesis, and by a client that was generated from it."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final

from edge.requests import ROUTES

GENERATOR: Final = "openapi-python-client==0.29.1"
"""Run by uv in an environment of its own: it asks for an older typer than ours."""
CALLS_EACH: Final = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
url, tag, function, answer, request, status, body = sys.argv[2:]
module = importlib.import_module(f"client.api.{tag.replace(' ', '_')}.{function}")
models = importlib.import_module("client.models")
client = importlib.import_module("client").Client(base_url=url)
asked = getattr(models, request).from_dict(json.loads(body))
given = [n for n in module._get_kwargs.__annotations__ if n not in ("body", "return")]
parameters = {"task": "%s"} if "task" in given else {}
got = module.sync_detailed(client=client, body=asked, **parameters)
assert int(got.status_code) == int(status), got
assert type(got.parsed).__name__ == answer, got.parsed
assert got.parsed.to_dict() == json.loads(got.content), "the client's answer is not the service's"
if status == "200":  # the collector has no model
    models_of = importlib.import_module("client.api.models.models").sync(client=client)
    assert models_of.models[0].version, models_of
"""


def schemathesis(port: int, *, seconds: int, seed: int, marker: str = "") -> str:
    """Return what schemathesis finds with all its checks, or "" where that is nothing.

    Args:
        port: of a service.
        seconds: how long it generates requests.
        seed: of what it generates.
        marker: name of a planted defect to ask for.
    """
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"http://127.0.0.1:{port}/docs.json"]
    command += ["-c", "all", "--max-time", str(seconds), "--seed", str(seed), "--continue-on-failure", "--no-color"]
    command += ["-H", f"x-plant: {marker}"] if marker else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/tmp")
    if done.returncode == 0 and re.search(r"[1-9]\d* generated", done.stdout):
        return ""
    return done.stdout[-6000:] + done.stderr[-2000:]


def client_of(port: int, family: str, folder: Path) -> str:
    """Generate a client from the description, ask with it, and return what went wrong, or "" where nothing did."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/docs.json") as answer:
        document = json.load(answer)
    described = folder / f"{family}.json"
    described.write_text(json.dumps(document))
    command = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "--from", GENERATOR, "openapi-python-client"]
    command += [
        "generate",
        "--path",
        str(described),
        "--meta",
        "none",
        "--output-path",
        str(folder / family / "client"),
    ]
    (folder / family).mkdir(parents=True)
    generated = subprocess.run(command, capture_output=True, text=True, check=False)
    if generated.returncode != 0 or "warning" in generated.stdout.lower():
        return generated.stdout + generated.stderr
    route = ROUTES[family][0]
    path, operation = _operation(document, route.path)
    status = next(code for code in ("200", "202") if code in operation["responses"])
    schema = operation["responses"][status]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    request = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
    task = route.path.rsplit("/")[-1] if "{task}" in path else ""
    call = [sys.executable, "-c", CALLS_EACH % task, str(folder / family), f"http://127.0.0.1:{port}"]
    call += [operation["tags"][0].lower(), operation["operationId"], schema, request, status, json.dumps(route.body)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr[-2000:]


def _operation(document: dict[str, Any], route: str) -> tuple[str, dict[str, Any]]:
    """Return the described path that ``route`` is one of, and what a POST to it does."""
    for path, operations in document["paths"].items():
        if "post" in operations and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), route):
            return path, operations["post"]
    raise AssertionError(f"{route} is not described")
