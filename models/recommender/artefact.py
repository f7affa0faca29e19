"""What a candidate is on disk: catalogue, arrays, the ONNX encoder and a config that says how they add up.

config.json            candidate, weights, settings of the parts
catalogue.parquet      one row per item, in the order of every array
arrays.safetensors     popularity, neighbours, item vectors, which of them are projected
sequence.onnx          the transformer's encoder, where it has a weight
item_codes.onnx        its item vectors in eight bits, where they are many
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import nn

from models.recommender.cold.items import ColdItems
from models.recommender.scoring import Constant, Neighbours
from models.recommender.served.item_codes import write_item_codes
from models.recommender.transformer.model import Exported
from models.recommender.transformer.scorer import SequenceScorer
from shopsight.contracts import HISTORY_LENGTH
from shopsight.whole_files import write_json


def write_artefact(
    folder: Path,
    *,
    candidate: str,
    weights: Mapping[str, float],
    catalogue: pa.Table,
    constants: Mapping[str, Constant],
    neighbours: Mapping[str, Neighbours],
    sequence: SequenceScorer | None,
    cold: ColdItems | None = None,
    coded_from: int = 1_000_000,
) -> None:
    """Write everything that ``predict.Recommender.load`` reads.

    Args:
        folder: exists; files in it are replaced.
        candidate: what validation chose.
        weights: of its parts.
        catalogue: from :func:`catalogue_table`.
        constants: popularity, popularity_recent, best_sellers, trending, age_days and usual_days.
        neighbours: item_knn (similar items need it), viewed_together and bought_together always, ease where it has a
            weight.
        sequence: the transformer where it has a weight.
        cold: its item vectors with those of cold items, where there are such items.
        coded_from: numbers in the item vectors above which there is a first pass over codes of eight bits: a matrix of
            4 MB lies in a processor's cache, and a larger one is read from memory for every list.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        name: np.ascontiguousarray(constant.scores_N) for name, constant in constants.items()
    }
    # A folder may hold an earlier candidate; one without a transformer must not keep the other's.
    for name in ("sequence.onnx", "item_codes.onnx"):
        (folder / name).unlink(missing_ok=True)
    if sequence is not None:
        vectors_ND, usable_N = sequence.vectors.vectors_ND, sequence.vectors.usable_N
        if cold is not None:
            vectors_ND, usable_N = cold.vectors_ND, usable_N | cold.projected_N
            arrays["cold"] = cold.projected_N.astype(np.uint8)
            neighbours = {**neighbours, "alike": cold.similarity} if cold.similarity else neighbours
        arrays["sequence.vectors"] = np.ascontiguousarray(vectors_ND)
        arrays["sequence.usable"] = usable_N.astype(np.uint8)
        encoders = [member.encoder for member in sequence.members]
        export_encoders(encoders, folder / "sequence.onnx", length=sequence.length, width=vectors_ND.shape[1])
        if vectors_ND.size > coded_from:
            write_item_codes(folder / "item_codes.onnx", vectors_ND)
    for name, matrix in neighbours.items():
        arrays[f"{name}.items"], arrays[f"{name}.weights"] = matrix.items_NK, matrix.weights_NK
    save_file(arrays, str(folder / "arrays.safetensors"))
    pq.write_table(catalogue, folder / "catalogue.parquet")
    config = {
        "candidate": candidate,
        "weights": dict(weights),
        "history_length": HISTORY_LENGTH,
        "neighbours": {
            name: {"decay": matrix.decay, "behaviour_weights": matrix.behaviour_weights.tolist()}
            for name, matrix in neighbours.items()
        },
        "sequence": None if sequence is None else {"length": sequence.length},
    }
    write_json(folder / "config.json", config)


def catalogue_table(items: pa.Table, item_ids: NDArray[np.object_]) -> pa.Table:
    """Return the catalogue in the order of ``item_ids``; an item that no table lists keeps its id as its title."""
    ids = pa.table({"item_id": pa.array(item_ids, pa.string()), "position": np.arange(len(item_ids))})
    columns = ["item_id", "title", "category", "brand", "price", "is_available"]
    joined = ids.join(items.select(columns), "item_id").sort_by("position")
    return pa.table(
        {
            "item_id": joined["item_id"],
            "title": pc.coalesce(joined["title"].cast(pa.string()), joined["item_id"]),
            "category": joined["category"].cast(pa.string()),
            "brand": joined["brand"].cast(pa.string()),
            "price": pc.fill_null(joined["price"].cast(pa.float64()), float("nan")),
            "is_available": pc.fill_null(joined["is_available"], True),
        }
    )


def export_encoders(encoders: Sequence[nn.Module], path: Path, *, length: int, width: int) -> None:
    """Write the members' encoders as one ONNX graph; ``width`` is that of all members together.

    ``items`` (B, L, M·D) float32 and ``behaviours`` (B, L) int64 -> ``hidden`` (B, M·D), member after member.
    """
    exported = Exported(encoders).eval().cpu()
    # Two rows and three columns: an example of one would make the exporter take the dimension for a constant.
    example = (torch.zeros(2, 3, width), torch.ones(2, 3, dtype=torch.int64))
    batch, steps = torch.export.Dim("batch"), torch.export.Dim("length", max=length)
    with warnings.catch_warnings():
        # The exporter warns of its own internals (pytree registration); nothing a caller could act on.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            exported,
            example,
            dynamo=True,
            input_names=["items", "behaviours"],
            output_names=["hidden"],
            dynamic_shapes=({0: batch, 1: steps}, {0: batch, 1: steps}),
            verbose=False,
        )
    assert program is not None, "torch.onnx.export returns a program when dynamo is on"
    program.save(str(path), external_data=False)
