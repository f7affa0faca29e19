"""What we use of a library that is not its public interface: listed, still there, and guarded by a version bound."""

import ast
import importlib
import re
import tomllib
from functools import reduce
from typing import Final

import pytest

from shopsight.settings import REPO_ROOT

FOLDERS: Final = ("cli", "orchestration", "serving", "models", "shopsight")

PARTS: Final = {
    "dagster._core.launcher:DefaultRunLauncher": "a launcher that knows the run's process extends the default one",
    "dagster._core.launcher:CheckRunHealthResult": "what such a launcher answers",
    "dagster._core.launcher:WorkerStatus": "what such a launcher answers",
    "dagster._core.launcher:LaunchRunContext": "what such a launcher is told of a run",
    "dagster._core.definitions.job_base:InMemoryJob": "a decision's job, executed in a process of its own",
    "dagster._core.execution.api:execute_run": "executes a run that the web UI launched",
    "dagster._core.events:EngineEventData": "notes that process on the run",
    "dagster._cli.proxy_server_manager:ProxyServerManager": "the code server that the web UI and the daemon share",
    "dagster._core.workspace.context:WorkspaceProcessContext": "what Dagster's web application is made around",
    "dagster._core.workspace.context:WorkspaceRequestContext": "to a viewer's request it is read-only",
    "dagster._core.workspace.load_target:ModuleTarget": "where the definitions are",
    "dagster._core.workspace.load_target:WorkspaceFileTarget": "where their code server is",
    "dagster._utils.interrupts:setup_interrupt_handlers": "a termination ends the web UI as Ctrl-C does",
    "dagster._utils.log:configure_loggers": "the daemon's log is as it was under `dagster dev`",
    "dagster._core.utils:make_new_run_id": "the run's id is shown before the run starts",
    "bentoml._internal.server.http_app:logger": "BentoML logs each request's headers there; a filter drops them",
    "_bentoml_impl.worker.service:main": "serves a Bento on a socket that somebody else keeps; BentoML opens its own",
    "feast.infra.online_stores.redis:RedisOnlineStore._get_client": "a store that is gone is tried once more, at once",
    "feast.infra.online_stores.redis:RedisOnlineStore._read_hash_fields": "our store leaves out expired rows",
    "accelerate.state:AcceleratorState._reset_state": "one process trains on two devices or precisions in turn",
    "torch:_foreach_lerp_": "moves all averaged weights in one call",
}
"""``module:name`` of each part, and what it is for."""
DISTRIBUTIONS: Final = {"_bentoml_impl": "bentoml"}
"""Where a package is not named as what is installed."""


@pytest.mark.parametrize("part", PARTS)
def test_a_private_part_is_still_where_we_reach_for_it(part: str) -> None:
    module, _, names = part.partition(":")
    reduce(getattr, names.split("."), importlib.import_module(module))


@pytest.mark.parametrize("package", sorted({re.split(r"[.:]", part)[0] for part in PARTS}))
def test_a_library_with_private_parts_in_use_cannot_change_unseen(package: str) -> None:
    wanted = tomllib.loads((REPO_ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (requirement,) = [one for one in wanted if re.split(r"[\[<>=!]", one)[0] == DISTRIBUTIONS.get(package, package)]
    assert re.search(r"<\d", requirement), f"{requirement} has no upper bound"


def test_no_other_private_module_is_imported() -> None:
    imported = set()
    for path in sorted(path for folder in FOLDERS for path in (REPO_ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and re.search(r"\._[a-z]", node.module or ""):
                imported |= {f"{node.module}:{name.name}" for name in node.names}
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names if re.search(r"\._[a-z]", name.name)}
    assert imported - set(PARTS) == set()
