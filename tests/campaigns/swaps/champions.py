"""Recommenders that can be served, and such as must not be: each becomes a champion as a person would make it one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from approved_toys import crown_toy, toys
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.bento import BentoBuildFailedError, find_bento
from shopsight.settings import Settings

FAMILY: Final = "recommender"
Package = Callable[[Settings, str, ModelVersion], str]
"""Makes a Bento of an approved model: :func:`serving.packaging.bento.build_bento`, or a quicker one."""


def crown_good(settings: Settings, package: Package, number: int) -> ModelVersion:
    """Make a sound recommender, of its own number of items, the champion, and package it."""
    return _packaged(settings, package, crown_toy(settings, FAMILY, _written(settings, items=40 + number % 50)))


def crown_bad(settings: Settings, package: Package, kind: str) -> ModelVersion:
    """Make a champion of one that cannot answer, or is not what was approved."""
    folder = _written(settings, items=40)
    if kind in BEFORE_APPROVAL:
        BEFORE_APPROVAL[kind](folder)
    version = crown_toy(settings, FAMILY, folder)
    try:
        version = _packaged(settings, package, version)
    except BentoBuildFailedError:
        assert kind == "does not load"
        return version
    assert kind != "does not load"
    if kind in AFTER_PACKAGING:
        bento = find_bento(settings, version)
        assert bento is not None
        AFTER_PACKAGING[kind](bento.path, settings)
    return version


def _written(settings: Settings, *, items: int) -> Path:
    folder: Path = toys().write_recommender(settings.training_dir / "swapped", items=items)
    return folder


def _packaged(settings: Settings, package: Package, version: ModelVersion) -> ModelVersion:
    package(settings, FAMILY, version)
    return ModelRegistry.of(settings).version(FAMILY, version.version)


def _change(folder: Path, name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]) -> None:
    path = folder / "arrays.safetensors"
    arrays = load_file(path)
    changed = change(arrays.pop(name))
    save_file(arrays if changed is None else arrays | {name: changed}, path)


def _neighbours_that_are_not_there(folder: Path) -> None:
    _change(folder, "item_knn.items", lambda items: items + 1_000_000)


def _too_few_best_sellers(folder: Path) -> None:
    _change(folder, "best_sellers", lambda scores: scores[:-5])


def _a_smaller_catalogue(folder: Path) -> None:
    path = folder / "catalogue.parquet"
    pq.write_table(pq.read_table(path).slice(0, 30), path)


def _no_neighbours(folder: Path) -> None:
    _change(folder, "item_knn.items", lambda _: None)


def _changed_model(bento: Path, settings: Settings) -> None:
    version = bento.name.partition("-")[0]
    (path,) = (settings.bentoml_dir / "models" / FAMILY).glob(f"{version}-*/artefact/arrays.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _changed_code(bento: Path, settings: Settings) -> None:
    del settings
    next(path for path in sorted(bento.rglob("*.py"))).write_text("raise SystemExit\n")


BEFORE_APPROVAL: Final[dict[str, Callable[[Path], None]]] = {
    "neighbours that are not there": _neighbours_that_are_not_there,
    "too few best sellers": _too_few_best_sellers,
    "a smaller catalogue": _a_smaller_catalogue,
    "does not load": _no_neighbours,
}
AFTER_PACKAGING: Final[dict[str, Callable[[Path, Settings], None]]] = {
    "changed model": _changed_model,
    "changed code": _changed_code,
}
BAD: Final = (*BEFORE_APPROVAL, *AFTER_PACKAGING)
"""How a model may be bad."""
