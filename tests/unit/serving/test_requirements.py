"""What a Bento installs: everything that its service imports."""

import json
import subprocess
import sys

import pytest

from serving.packaging.requirements import closure, direct_requirements
from shopsight.families import FAMILIES
from shopsight.settings import REPO_ROOT

DIRECT_IMPORTS = f"""
import ast, importlib, json, os, sys
from importlib.metadata import packages_distributions
import serving.app
for family in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        break
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"the service of {{family}} could not be looked at")
else:
    sys.exit()
importlib.import_module(f"serving.{{family}}.service")
names = set()
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    if file.startswith({str(REPO_ROOT)!r}) and ".venv" not in file:
        for node in ast.parse(open(file, encoding="utf-8").read()).body:
            if isinstance(node, ast.Import):
                names |= {{alias.name.split(".")[0] for alias in node.names}}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
distributions = packages_distributions()
direct = {{d for name in names & set(sys.modules) for d in distributions.get(name, ())[:1]}}
print(json.dumps([family, sorted(direct)]), flush=True)
"""
"""For each family a process of its own, or one would hide what another forgot. They part after the import that every
service begins with, which takes most of the time."""


@pytest.fixture(scope="module")
def direct_imports() -> dict[str, list[str]]:
    """The distributions that each family's service imports itself, by family."""
    command = [sys.executable, "-c", DIRECT_IMPORTS, *FAMILIES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPO_ROOT)
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_bento_installs_every_package_that_its_service_imports(
    family: str, direct_imports: dict[str, list[str]]
) -> None:
    imported = {name.lower().replace("_", "-") for name in direct_imports[family]} - {"shopsight"}
    assert {"bentoml", "numpy"} <= imported
    assert imported - closure(direct_requirements(FAMILIES[family], REPO_ROOT)) == set()
