"""The repository keeps its promises: its files, its command line and its documents agree."""

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=REPO_ROOT, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [REPO_ROOT / name for name in listed.stdout.splitlines()]


def test_the_lock_file_is_exact_and_names_no_host() -> None:
    lines = (REPO_ROOT / "requirements.lock").read_text().splitlines()
    pins = [line.removesuffix("\\").rstrip() for line in lines if line and not line.startswith(("#", " "))]
    assert all(re.match(r"^[A-Za-z0-9._-]+==[^ +]+( ;.*)?$", pin) for pin in pins)
    assert not any("://" in line for line in lines)


def test_every_locked_package_has_hashes_but_torch_which_has_two_builds() -> None:
    text = (REPO_ROOT / "requirements.lock").read_text()
    blocks = re.findall(r"^([a-z0-9][^\n]*)\n((?: {4}[^\n]*\n)*)", text, flags=re.MULTILINE)
    bare = [pin for pin, hashes in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", hashes)]
    assert [pin.split("==")[0] for pin in bare] == ["torch"]


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((REPO_ROOT / "pyproject.toml").read_text())["project"]
    locked = {
        line.split("==")[0] for line in (REPO_ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }
    extras = project["optional-dependencies"]
    unlocked = [*extras.pop("spark"), *extras.pop("mlflow")]
    assert [requirement for requirement in unlocked if "==" not in requirement] == [], "what is not locked is pinned"
    wanted = [*project["dependencies"], *(d for extra in extras.values() for d in extra)]
    names = {re.split(r"[\[<>=! ;]", requirement)[0].lower() for requirement in wanted}
    assert names - locked - {project["name"]} == set(), "an extra may name other extras of this very package"


def test_no_tracked_file_names_a_registry_host_or_a_path_of_a_machine() -> None:
    here = "|".join(re.escape(f"{folder}/") for folder in (REPO_ROOT, Path.home()) if folder.name)
    forbidden = re.compile(rf"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|/home/[a-z]+/|{here}")
    offenders = [
        f"{path.relative_to(REPO_ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.suffix not in {".png", ".csv"} and path != Path(__file__)
        for match in forbidden.finditer(path.read_text(errors="replace"))
    ]
    assert offenders == []


def entries_of_a_tree(tree: str) -> set[str]:
    """Return the paths that an indented tree names: what stands left of two spaces, and folders named on the right."""
    paths: set[str] = set()
    above: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names, _, text = line.strip().partition("  ")
        above = above[:depth]
        parent = "".join(above)
        paths |= {parent + name for name in names.split()}
        above.append(names if names.endswith("/") and " " not in names else "")
        paths |= {parent + names + name for name in re.findall(r"(?<!\S)[a-z_]+/(?!\S)", text)}
    return paths


def test_a_tree_is_read_with_its_folders_and_files() -> None:
    tree = "tests/    unit/ end_to_end/\nmodels/   pure\n  intent/ churn/   config\n  card.py          one file\n"
    assert entries_of_a_tree(tree) == {
        "tests/", "tests/unit/", "tests/end_to_end/", "models/", "models/intent/", "models/churn/", "models/card.py",
    }  # fmt: skip


def test_the_tree_in_the_architecture_document_exists_and_has_every_top_folder() -> None:
    text = (REPO_ROOT / "docs" / "architecture.md").read_text()
    entries = entries_of_a_tree(text.split("```text")[1].split("```")[0])
    missing = [name for name in entries if not (REPO_ROOT / name).exists()]
    assert missing == []
    assert [name for name in entries if name.endswith("/") and not (REPO_ROOT / name).is_dir()] == []
    packages = {f"{path.parent.relative_to(REPO_ROOT).parts[0]}/" for path in REPO_ROOT.glob("[a-z]*/**/*.py")}
    assert packages - {"site/", "build/", "dist/"} <= entries


def test_relative_links_in_documents_lead_somewhere() -> None:
    broken = []
    for document in [*REPO_ROOT.glob("*.md"), *(REPO_ROOT / "docs").rglob("*.md")]:
        targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
        missing = [target for target in targets if not (document.parent / target).exists()]
        broken += [f"{document.relative_to(REPO_ROOT)} -> {target}" for target in missing]
    assert broken == []


def test_every_make_target_the_readme_shows_exists() -> None:
    targets_named = set(re.findall(r"\bmake ([a-z-]+)", (REPO_ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (REPO_ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets_named - targets == set()


def test_the_changelog_has_the_version_of_the_package() -> None:
    import shopsight

    assert f"## [{shopsight.__version__}]" in (REPO_ROOT / "CHANGELOG.md").read_text()


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from cli.app import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "assert result.exit_code == 0 and 'recommend' in result.output\n"
        "heavy = {'torch', 'dagster', 'dbt', 'feast', 'pandas', 'pyarrow', 'duckdb', 'bentoml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPO_ROOT, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_every_command_explains_itself() -> None:
    from typer.testing import CliRunner

    from cli.app import app

    for command in (
        "doctor",
        "demo",
        "import",
        "run",
        "status",
        "recommend",
        "predict",
        "approve",
        "reject",
        "rollback",
        "up",
    ):
        result = CliRunner().invoke(app, [command, "--help"])
        assert result.exit_code == 0, command
        assert len(result.output.splitlines()) > 4


def test_a_wrong_call_exits_with_two() -> None:
    from typer.testing import CliRunner

    from cli.app import app

    assert CliRunner().invoke(app, ["approve", "intent"]).exit_code == 2
    assert CliRunner().invoke(app, ["no-such-command"]).exit_code == 2


def test_the_clock_is_utc_wherever_the_platform_runs(home) -> None:
    from shopsight.settings import prepare_environment

    prepare_environment(home)
    assert time.tzname[0] == "UTC"
