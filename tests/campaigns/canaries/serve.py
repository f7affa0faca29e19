"""Serves a toy with the defect in its model."""

from pathlib import Path


def serve_with_defect(model_folder: Path, descriptor: int) -> None:
    """Serve on a socket until the process is told to stop."""
    from swaps.toy import serve

    from canaries.defects import take_effect
    from serving.served_model import ServedModel

    model = ServedModel.read(model_folder)
    take_effect(model.artefact)
    serve(model, descriptor)
