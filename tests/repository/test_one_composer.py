"""What a benchmark measures is what ships: one place fits the recommender's views, one chooses their weights."""

import ast
from collections.abc import Iterator
from pathlib import Path

from shopsight.settings import REPO_ROOT

OWN_CONTENDERS = REPO_ROOT / "benchmarks" / "recommendation" / "contenders"
COMPOSING = {
    "models.recommender.views": {"fit_sequence"},
    "models.recommender.transformer.ensemble": {"fit_ensemble"},
    "models.recommender.transformer.fit": {"fit_transformer", "train_model"},
    "models.recommender.linear.ease": {"fit_ease"},
    "models.recommender.linear.item_knn": {"cooccurrence", "fit_item_knn", "item_factors"},
    "models.recommender.baselines": {"recent_popularity"},
    "models.recommender.blend": {"Shortlists", "GRID", "QUARTERS"},
}
"""What only ``views.fit_views`` and ``blend.choose_blend`` put together; whole modules and star imports count too."""
PRODUCT = ("cli", "orchestration", "serving", "models", "shopsight", "feature_repo")


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (REPO_ROOT / folder).rglob("*.py")


def imported(path: Path) -> set[str]:
    """Return every dotted name that a file imports, and every one that a string of it spells."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module)):
                names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
            case ast.Constant(value=str(text)) if text.startswith("models."):
                names.add(text.partition(":")[0])
    return names


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPO_ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_benchmarks_fit_and_blend_through_the_functions_that_training_calls() -> None:
    offenders = []
    for path in python_files("benchmarks"):
        if path.is_relative_to(OWN_CONTENDERS):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names if alias.name in COMPOSING}
            elif isinstance(node, ast.ImportFrom) and node.module in COMPOSING:
                names = {alias.name for alias in node.names} & {"*", *COMPOSING[node.module]}
            elif isinstance(node, ast.ImportFrom) and node.module == "models.recommender":
                names = {alias.name for alias in node.names if f"models.recommender.{alias.name}" in COMPOSING}
            else:
                names = set()
            offenders += [f"{path.relative_to(REPO_ROOT)} imports {name}" for name in sorted(names)]
    assert offenders == []


def test_what_composing_means_is_still_called_so() -> None:
    for module, names in COMPOSING.items():
        tree = ast.parse((REPO_ROOT / f"{module.replace('.', '/')}.py").read_text())
        defined = {getattr(node, "name", None) for node in tree.body}
        defined |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}  # type: ignore[attr-defined]
        assert names <= defined, module


def test_training_and_every_protocol_call_the_one_composer() -> None:
    callers = [
        REPO_ROOT / "models" / "recommender" / "choice.py",
        REPO_ROOT / "benchmarks" / "cold_start" / "measuring.py",
    ]
    callers += [
        REPO_ROOT / "benchmarks" / "recommendation" / f"{name}.py" for name in ("leave_one_out", "sessions", "held_out")
    ]
    for path in callers:
        assert {"models.recommender.views.fit_views", "models.recommender.blend.choose_blend"} <= imported(path), path
    training = imported(REPO_ROOT / "models" / "recommender" / "train.py")
    assert "models.recommender.choice.choose" in training
    time_split = imported(REPO_ROOT / "benchmarks" / "recommendation" / "time_split.py")
    assert "models.recommender.train.train" in time_split, "the platform's training run itself"


def test_no_module_of_models_is_there_for_benchmarks_alone() -> None:
    by_product = {name for path in python_files(*PRODUCT) for name in imported(path) if module_name(path) != name}
    by_benchmarks = {name for path in python_files("benchmarks") for name in imported(path)}
    modules = {module_name(path) for path in python_files("models")}
    assert sorted(modules & by_benchmarks - by_product) == []
