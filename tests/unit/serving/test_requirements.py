"""What a Bento installs: everything that its service imports."""

import json
import subprocess
import sys

import pytest

from serving.packaging.requirements import closure, direct_requirements
from shopsight.families import FAMILIES
from shopsight.settings import REPO_ROOT

DIRECT_IMPORTS = f"""
import ast, importlib, json, sys
from importlib.metadata import packages_distributions
importlib.import_module(f"serving.{{sys.argv[1]}}.service")
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
print(json.dumps(sorted({{d for name in names & set(sys.modules) for d in distributions.get(name, ())[:1]}})))
"""


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_bento_installs_every_package_that_its_service_imports(family: str) -> None:
    command = [sys.executable, "-c", DIRECT_IMPORTS, family]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPO_ROOT)
    imported = {name.lower().replace("_", "-") for name in json.loads(done.stdout)} - {"shopsight"}
    assert {"bentoml", "numpy"} <= imported
    assert imported - closure(direct_requirements(FAMILIES[family], REPO_ROOT)) == set()
