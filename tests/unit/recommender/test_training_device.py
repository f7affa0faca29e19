"""Device, precision and checkpoints: nothing moves elsewhere silently."""

import pytest
import torch

from models.device import (
    Checkpoint,
    DeviceUnavailableError,
    has_bf16_units,
    new_accelerator,
    resolve_device,
    resolve_precision,
    restore_training,
    training_checkpoint,
)


def test_auto_takes_a_device_that_is_there():
    device = resolve_device("auto")
    assert torch.zeros(1, device=device).device.type == device


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused_and_not_replaced():
    with pytest.raises(DeviceUnavailableError, match="cuda"):
        resolve_device("cuda")


@pytest.mark.parametrize("resolve", [resolve_device, lambda name: resolve_precision(name, "cpu")])
def test_an_unknown_name_is_refused(resolve):
    with pytest.raises(ValueError, match="tpu8"):
        resolve("tpu8")


def test_auto_precision_is_bf16_only_where_the_processor_computes_it():
    assert resolve_precision("auto", "cpu") == ("bf16" if has_bf16_units("cpu") else "fp32")
    assert resolve_precision("bf16", "cpu") == "bf16"
    with pytest.raises(DeviceUnavailableError, match="MPS"):
        resolve_precision("bf16", "mps")


def test_one_process_can_train_with_one_precision_after_another():
    assert new_accelerator("cpu", "bf16").mixed_precision == "bf16"
    assert new_accelerator("cpu", "fp32").mixed_precision == "no"


def test_a_checkpoint_restores_the_next_step_exactly(tmp_path):
    def fresh():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1)

    def step(model, optimizer):
        model(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    model, optimizer = fresh()
    step(model, optimizer)
    training_checkpoint(model, optimizer, {"epoch": 1}).write(tmp_path / "run.safetensors")
    step(model, optimizer)
    again, its_optimizer = fresh()
    saved = Checkpoint.read(tmp_path / "run.safetensors")
    restore_training(saved, again, its_optimizer)
    step(again, its_optimizer)
    assert saved.state == {"epoch": 1}
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["run.safetensors"]
