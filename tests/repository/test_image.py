"""deploy/Dockerfile copies what shopsight is made of, and what runs in it is nobody's root."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from deployment import DEPLOY, PORTS, is_pinned
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from shopsight.settings import REPO_ROOT, Settings, child_environment

TEXT = (DEPLOY / "Dockerfile").read_text()
PROJECT = tomllib.loads((REPO_ROOT / "pyproject.toml").read_text())


def instructions(word: str) -> list[str]:
    """Return what follows each instruction of a kind; continued lines are one."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE))
    return [line.removeprefix(word).strip() for line in joined.splitlines() if line.startswith(f"{word} ")]


def copied() -> list[str]:
    """Return the files and folders of the checkout that the image has."""
    return [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]


def allowed() -> set[str]:
    """Return what ``.dockerignore``, which leaves out all else, lets through."""
    lines = (REPO_ROOT / ".dockerignore").read_text().splitlines()
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_every_copied_file_exists_and_every_package_is_copied() -> None:
    assert [name for name in copied() if not (REPO_ROOT / name).exists()] == []
    assert set(copied()) == allowed()
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {*packages, "dbt_project", "feature_repo", "requirements.lock"} <= set(copied())


def test_the_base_is_pinned_to_a_python_that_the_project_runs_on() -> None:
    (tag,) = [value.removeprefix("PYTHON=") for value in instructions("ARG") if value.startswith("PYTHON=")]
    assert is_pinned(f"python:{tag}")
    assert {source.split()[0] for source in instructions("FROM")} == {"python:${PYTHON}"}
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(tag.split("-")[0])


def test_it_installs_the_lock_files_versions_and_none_of_the_tests_packages() -> None:
    install = next(line for line in instructions("RUN") if "-r pyproject.toml" in line)
    assert "--constraint requirements.lock" in install
    assert "--require-hashes" in install, "of uv, which checks the hashes of all the others"
    extras = re.findall(r"--extra (\S+)", install)
    assert extras == ["postgres", "traces"]
    locked = {line.split("==")[0] for line in (REPO_ROOT / "requirements.lock").read_text().splitlines()}
    optional = PROJECT["project"]["optional-dependencies"]
    assert {Requirement(text).name for extra in extras for text in optional[extra]} <= locked


def test_it_runs_a_command_of_shopsights_as_a_user_without_rights_and_tells_its_ports() -> None:
    assert "PYTHONDONTWRITEBYTECODE=1" in instructions("ENV"), "else one proves a Bento while another writes into it"
    (user,) = instructions("USER")
    assert all(int(number) > 1000 for number in user.split(":"))
    assert instructions("ENTRYPOINT") == ['["tini", "--", "shopsight"]']
    assert instructions("CMD") == ['["up", "--logs"]']
    pages = [Settings.model_fields[name].default for name in ("reports_port", "studio_port")]
    assert sorted(map(int, instructions("EXPOSE")[0].split())) == sorted([*PORTS.values(), *pages])


@pytest.mark.slow
def test_what_is_copied_is_enough_for_every_part(tmp_path: Path) -> None:
    for name in copied():
        source, target = REPO_ROOT / name, tmp_path / "opt" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "logs", "target"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
    (tmp_path / "opt" / "dbt_project" / "target").mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import cli.app, orchestration.web_server, serving.collector.service, shopsight\n"
        "from orchestration.definitions import defs\n"
        "from serving.packaging.bento import source_files\n"
        "from serving.packaging.requirements import locked_requirements\n"
        "from shopsight.families import FAMILIES, SERVICES, resolve\n"
        "from shopsight.settings import REPO_ROOT\n"
        "assert shopsight.__file__.startswith(sys.argv[1]), shopsight.__file__\n"
        "assert len(defs().resolve_all_asset_specs()) > 100\n"
        "for family in FAMILIES.values():\n"
        "    assert list(source_files(family)) and locked_requirements(family, REPO_ROOT)\n"
        "for service in SERVICES.values():\n"
        "    resolve(service.service)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "opt")],
        cwd=tmp_path,
        env=child_environment(Settings(home=tmp_path / "home")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
