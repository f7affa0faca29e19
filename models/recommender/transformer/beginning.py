"""Where a training begins: with the champion's weights, in place of weights that have learnt nothing.

The champion's served weights have seen all that had happened when it was trained, and so the window that a later
candidate is chosen on: they would be praised for what they know by heart. What is kept for later trainings are the
weights that were fitted on what preceded the champion's own validation window.

Shapes: N items, D size of a vector.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.recommender.transformer.model import SequenceModel, TransformerConfig

BEGINNING_FILE: Final = "beginning.safetensors"


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Weights of every member of an ensemble, and what their rows stand for."""

    item_ids: Sequence[str]
    """Row i + 1 of each item table is the i-th of these."""
    attributes: Sequence[str]
    """The same of the tables of categories and brands."""
    members: Sequence[Mapping[str, Tensor]]
    until: float
    """Nothing from this moment on was learnt from, in seconds since 1970."""
    shape: str
    """What a model must be like to take them: :func:`shape_of`."""

    @classmethod
    def of(
        cls,
        members: Sequence[SequenceModel],
        *,
        item_ids: Sequence[str],
        attributes: Sequence[str],
        until: float,
        config: TransformerConfig,
    ) -> "Beginning":
        """Return what a later training may begin with.

        Args:
            members: as they were fitted on what happened before ``until``.
            item_ids: of their item tables.
            attributes: names of their categories and brands, in the order of their codes.
            until: the end of what they learnt from.
            config: their sizes.
        """
        weights = [{name: one.detach().cpu() for name, one in member.state_dict().items()} for member in members]
        return cls(item_ids=item_ids, attributes=attributes, members=weights, until=until, shape=shape_of(config))

    @classmethod
    def read(cls, folder: Path) -> "Beginning | None":
        """Return what an artefact folder keeps for later trainings; None of one that keeps nothing."""
        path = folder / BEGINNING_FILE
        if not path.exists():
            return None
        with safe_open(path, framework="pt") as tensors:
            about = json.loads(tensors.metadata()["about"])
            members: list[dict[str, Tensor]] = [{} for _ in range(about.pop("members"))]
            for name in tensors.keys():  # noqa: SIM118 - no mapping
                number, _, own = name.partition("/")
                members[int(number)][own] = tensors.get_tensor(name)
        return cls(members=members, **about)

    def write(self, folder: Path) -> None:
        """Write it into an artefact folder."""
        about = {
            "item_ids": list(self.item_ids),
            "attributes": list(self.attributes),
            "until": self.until,
            "shape": self.shape,
            "members": len(self.members),
        }
        tensors = {
            f"{number}/{name}": tensor.contiguous()
            for number, member in enumerate(self.members)
            for name, tensor in member.items()
        }
        save_file(tensors, folder / BEGINNING_FILE, metadata={"about": json.dumps(about)})

    @torch.no_grad()
    def put_into(
        self, model: SequenceModel, *, member: int, item_ids: Sequence[str], attributes: Sequence[str]
    ) -> None:
        """Give an untrained model a member's weights; items and attributes that are new keep their small random ones.

        Args:
            model: of the same shape, over any catalogue.
            member: which one's weights.
            item_ids: of the model's item table.
            attributes: names of its categories and brands, in the order of their codes.
        """
        weights = self.members[member]
        model.encoder.load_state_dict(
            {name.removeprefix("encoder."): one for name, one in weights.items() if name.startswith("encoder.")}
        )
        # A new item's factors are of another space than vectors that were trained: its attributes stand for it.
        torch.nn.init.normal_(model.table.items.weight, std=0.02)
        model.table.items.weight[0].zero_()
        for table, before, now in (("items", self.item_ids, item_ids), ("attributes", self.attributes, attributes)):
            rows = {name: row for row, name in enumerate(before, start=1)}
            pairs = [(row, rows[name]) for row, name in enumerate(now, start=1) if name in rows]
            if pairs:
                here, there = torch.tensor(pairs).T
                own = getattr(model.table, table).weight
                own[here.to(own.device)] = weights[f"table.{table}.weight"][there].to(own)


def shape_of(config: TransformerConfig) -> str:
    """Return what two models must share for one to begin with the other's weights."""
    sizes = (config.hidden_size, config.num_layers, config.num_heads, config.max_length)
    return f"{config.members} x {' x '.join(map(str, sizes))}"
