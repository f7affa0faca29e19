"""Where and how exactly a torch model trains: device, precision, processes, and checkpoints without pickle."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors import safe_open
from safetensors.torch import save_file

from shopsight.errors import ShopsightError

DeviceName = Literal["cpu", "cuda", "mps"]
PrecisionName = Literal["fp32", "bf16"]


class DeviceUnavailableError(ShopsightError):
    """The asked-for device or precision does not exist on this machine."""


def resolve_device(name: str) -> DeviceName:
    """Return the device to train on; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        DeviceUnavailableError: ``name`` was asked for and is not there; training does not silently move elsewhere.
        ValueError: ``name`` is none of auto, cpu, cuda, mps.
    """
    available: dict[str, bool] = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if name not in available:
        raise ValueError(f"unknown device {name!r}: one of auto, cpu, cuda, mps")
    if not available[name]:
        raise DeviceUnavailableError(
            f"The device {name} was asked for and is not available.",
            why=f"torch {torch.__version__} sees only: {', '.join(d for d, there in available.items() if there)}",
            fix="set SHOPSIGHT_DEVICE=auto, or install a torch build and driver for that device",
        )
    return name  # type: ignore[return-value]


def has_bf16_units(device: DeviceName) -> bool:
    """Return whether bf16 is computed in hardware: on the CPU that takes AVX512-BF16 or AMX, else it is slower."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def resolve_precision(name: str, device: DeviceName) -> PrecisionName:
    """Return the precision of the forward pass; ``auto`` takes bf16 only where the processor has units for it.

    Raises:
        DeviceUnavailableError: bf16 was asked for on MPS, which has no bf16 autocast worth the name.
        ValueError: ``name`` is none of auto, fp32, bf16.
    """
    if name == "auto":
        return "bf16" if has_bf16_units(device) else "fp32"
    if name == "bf16" and device == "mps":
        raise DeviceUnavailableError(
            "bf16 was asked for on MPS.",
            why="mixed precision in bf16 is supported on CUDA and on CPUs only",
            fix="set SHOPSIGHT_PRECISION=auto or fp32",
        )
    if name not in ("fp32", "bf16"):
        raise ValueError(f"unknown precision {name!r}: one of auto, fp32, bf16")
    return name  # type: ignore[return-value]


def new_accelerator(device: str, precision: str) -> Accelerator:
    """Return an ``Accelerator`` on the resolved device and precision; joins the processes that a launcher started.

    Accelerate keeps its state per process and refuses a second accelerator with other settings; one Dagster process
    trains several models one after the other, so a state left by an earlier run is dropped first.
    """
    resolved = resolve_device(device)
    mixed = "bf16" if resolve_precision(precision, resolved) == "bf16" else "no"
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(mixed_precision=mixed, cpu=resolved == "cpu")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training run between two epochs: tensors by name (model and optimiser) and the counters beside them."""

    tensors: Mapping[str, torch.Tensor]
    state: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write one safetensors file and rename it into place: a killed run leaves the old checkpoint or the new."""
        partial = path.with_suffix(".partial")
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.tensors.items()}
        save_file(tensors, str(partial), metadata={"state": json.dumps(dict(self.state))})
        os.replace(partial, path)

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Read what :meth:`write` wrote, onto the CPU."""
        with safe_open(str(path), framework="pt", device="cpu") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            return cls(tensors=tensors, state=json.loads(file.metadata()["state"]))


def training_checkpoint(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Any]
) -> Checkpoint:
    """Return the checkpoint of a model and its optimiser (the moments of AdamW are tensors; settings are not kept)."""
    tensors: dict[str, torch.Tensor] = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return Checkpoint(tensors=tensors, state=state)


def restore_training(checkpoint: Checkpoint, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a :func:`training_checkpoint` back into a model and an optimiser of the same shapes and settings.

    Tensors under other names than ``model.`` and ``optimizer.`` are the caller's own and are left alone.
    """
    weights: dict[str, torch.Tensor] = {}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in checkpoint.tensors.items():
        part, _, rest = name.partition(".")
        if part == "model":
            weights[rest] = tensor
        elif part == "optimizer":
            index, _, key = rest.partition(".")
            moments.setdefault(int(index), {})[key] = tensor
    model.load_state_dict(weights)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
