"""The child of :mod:`serving.packaging.bento`: stores a model and builds its Bento from a plan on standard input."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import bentoml

from shopsight.families import resolve

BASE_IMAGES: Final = {
    (3, 11): "python:3.11.13-slim-bookworm",
    (3, 12): "python:3.12.11-slim-bookworm",
    (3, 13): "python:3.13.5-slim-bookworm",
}
"""What ``bentoml containerize`` begins with, by the Python that builds; unasked it takes whichever is the newest."""


def build(plan: dict[str, Any]) -> None:
    """Store the plan's model, unless it is there already, and build its Bento.

    The artefact is loaded first, with the code that it will be served by: one that does not load gets no Bento, and so
    never takes the place of one that serves.
    """
    resolve(plan["predictor"]).load(Path(plan["artefact"]))
    if plan["model_tag"] not in {str(model.tag) for model in bentoml.models.list()}:
        with bentoml.models.create(plan["model_tag"], labels=plan["labels"]) as stored:
            shutil.copytree(plan["model"], stored.path, dirs_exist_ok=True)
    name, _, version = plan["tag"].partition(":")
    bentoml.bentos.build(
        plan["service"],
        name=name,
        version=version,
        build_ctx=plan["source"],
        # Anchored: a bare `models/` would match folders of that name at any depth.
        include=["/shopsight/**/*.py", "/models/**/*.py", "/serving/**/*.py"],
        models=[{"tag": plan["model_tag"], "alias": plan["model_alias"]}],
        # Versions are pinned in the plan; locking them here would ask an index.
        python={"packages": plan["packages"], "lock_packages": False},
        docker={"base_image": BASE_IMAGES[sys.version_info[:2]]},
        labels=plan["labels"],
        description=plan["description"],
    )
    _check(Path(plan["source"]))


def _check(source: Path) -> None:
    """Fail where the build imported code from elsewhere than the staged source."""
    for package in ("serving", "models", "shopsight"):
        module_file = sys.modules[package].__file__
        if module_file is None or not Path(module_file).is_relative_to(source):
            raise SystemExit(f"{package} was imported from {module_file}, not from the staged {source}")


if __name__ == "__main__":
    build(json.load(sys.stdin))
