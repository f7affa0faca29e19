"""Bentos that are packaged in no time: a model's folder, served by the code of this checkout and not by a copy of it.

Everything else of a swap is as it is with BentoML's: the registry, the proof of each file, the process, its warm-up,
the port that is handed over, the prediction log.
"""

import shutil
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.bento import BentoBuildFailedError
from serving.packaging.manifest import write_manifest
from serving.running.launcher import ServiceProcess
from serving.served_model import ARTEFACT_FOLDER, DESCRIPTION_FILE, ServedModel, describe
from shopsight.families import FAMILIES, resolve
from shopsight.settings import Settings

CONTENT: Final = "0123456789"
"""What a Bento's name ends in, where it would be a digest of its code."""


def package_toy(settings: Settings, family: str, version: ModelVersion) -> str:
    """Do what :func:`serving.packaging.bento.build_bento` does, without BentoML.

    Raises:
        BentoBuildFailedError: the artefact does not load.
    """
    try:
        resolve(FAMILIES[family].predictor).load(version.path)
    except KeyError as error:
        raise BentoBuildFailedError(f"cannot build {version.version}", why=str(error), fix="train again") from error
    name = f"{version.version}-{CONTENT}"
    bento = settings.bentoml_dir / "bentos" / FAMILIES[family].bento / name
    model = settings.bentoml_dir / "models" / family / name
    bento.mkdir(parents=True)
    (bento / "code.py").write_text("")
    shutil.copytree(version.path, model / ARTEFACT_FOLDER)
    registry = ModelRegistry.of(settings)
    description = describe(
        family,
        version.version,
        trained_at=version.created_at,
        card=version.card,
        evaluation={},
        approval={},
        files=version.files,
        journal=registry.head(),
    )
    (model / DESCRIPTION_FILE).write_text(description)
    tag = f"{FAMILIES[family].bento}:{name}"
    manifest = write_manifest(bento, model)
    registry.package(family, version.version, tag=tag, manifest=manifest, at=datetime.now(UTC))
    return tag


class ToyProcess(ServiceProcess):
    """Serves such a Bento."""

    @property
    def hands_over(self) -> bool:
        """Whether its code can share its port: it is this checkout's."""
        return True

    @property
    def splits(self) -> bool:
        """Whether its code can hand requests over: it is this checkout's."""
        return True

    def command(self, descriptor: int) -> list[str]:
        """Return the command that serves the model on a socket."""
        model = self.settings.bentoml_dir / "models" / self.bento.family / self.bento.path.name
        return [sys.executable, "-m", "shopsight.parent", __file__, str(model), str(descriptor)]


def serve(model: ServedModel, descriptor: int) -> None:
    """Serve a model on a socket until the process is told to stop."""
    import uvicorn

    from serving import app

    app.champion = lambda: model
    served = resolve(FAMILIES[model.family].service).to_asgi()
    config = uvicorn.Config(served, access_log=False, timeout_graceful_shutdown=10)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    serve(ServedModel.read(Path(sys.argv[1])), int(sys.argv[2]))
