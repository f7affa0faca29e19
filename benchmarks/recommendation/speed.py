"""Training speed beside the arithmetic floor: a bare forward and backward of the same layers on packed data.

The floor has no padding (batches of one length each), no dropout, no composing of item vectors, no optimiser, no
gradient clipping, no averaging and no batches to prepare: what is left is the arithmetic of the layers.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.transformer.fit import train_epoch
from models.recommender.transformer.item_table import ItemTable
from models.recommender.transformer.loss import full_cross_entropy
from models.recommender.transformer.model import Encoder, SequenceModel
from models.recommender.transformer.sequences import TrainingHistory, training_histories
from models.recommender.views import Run

_HISTORIES = 4_096
_ROUNDS = 5


def measure_speed(
    train: Interactions,
    attributes_NA: NDArray[np.int64],
    run: Run,
    *,
    threads: Sequence[int],
) -> dict[str, Any]:
    """Return sequences per second of the training loop and of its floor, by number of threads.

    Loop and floor take turns, and the medians are compared: another process on the machine slows both.
    """
    config, accelerator = run.config.transformer, run.accelerator
    start_ND = (torch.randn(train.items, config.hidden_size) * 0.02).numpy()
    table = ItemTable.of(train, attributes_NA, start_ND, min_users=0)
    model = SequenceModel(table, Encoder(config)).to(accelerator.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=accelerator.device.type != "mps")
    prepared, optimizer = accelerator.prepare(model, optimizer)
    histories = training_histories(train, length=config.max_length)
    rng = np.random.default_rng(1)
    some = [histories[row] for row in rng.permutation(len(histories))[:_HISTORIES]]
    packed = _packed(some, config.batch_size)

    def loop() -> None:
        train_epoch(prepared, model, optimizer, some, train.items, config, 1, 0, accelerator)

    def floor() -> None:
        _bare(model, packed, accelerator)

    report: dict[str, Any] = {"histories": len(some), "targets": int(sum((one.targets > 0).sum() for one in some))}
    before = torch.get_num_threads()
    for count in threads:
        torch.set_num_threads(count)
        real, floor_rate = _rates([loop, floor], len(some))
        report[f"{count} threads" if count > 1 else "1 thread"] = {
            "sequences_per_second": round(real, 1),
            "floor_sequences_per_second": round(floor_rate, 1),
            "floor_over_loop": round(floor_rate / real, 2),
        }
    torch.set_num_threads(before)
    return report


def _rates(tasks: Sequence[Callable[[], None]], sequences: int) -> list[float]:
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(_ROUNDS):
        for place, task in enumerate(tasks):
            started = time.perf_counter()
            task()
            seconds[place].append(time.perf_counter() - started)
    # The first round warms caches and compiles kernels.
    return [sequences / float(np.median(one[1:])) for one in seconds]


def _packed(histories: Sequence[TrainingHistory], batch_size: int) -> list[tuple[torch.Tensor, ...]]:
    """Return (rows, behaviours, wanted positions, targets) of batches without a single padded slot."""
    by_length: dict[int, list[TrainingHistory]] = {}
    for history in histories:
        by_length.setdefault(len(history.rows), []).append(history)
    batches: list[tuple[torch.Tensor, ...]] = []
    for members in by_length.values():
        for start in range(0, len(members), batch_size):
            part = members[start : start + batch_size]
            rows, behaviours, targets = (
                torch.from_numpy(np.stack([getattr(one, name) for one in part]))
                for name in ("rows", "behaviours", "targets")
            )
            batches.append((rows, behaviours, targets > 0, targets[targets > 0] - 1))
    return batches


def _bare(model: SequenceModel, batches: Sequence[tuple[torch.Tensor, ...]], accelerator: Accelerator) -> None:
    model.eval()
    vectors_ND = model.table.all_items().detach().requires_grad_()
    hidden, targets = [], []
    for rows_BL, behaviours_BL, wanted_BL, targets_T in batches:
        with accelerator.autocast():
            hidden.append(model.encoder(vectors_ND[rows_BL - 1].detach(), behaviours_BL)[wanted_BL])
        targets.append(targets_T)
    with accelerator.autocast():
        loss = full_cross_entropy(torch.cat(hidden), vectors_ND, torch.cat(targets))
    torch.autograd.backward(loss)
