"""A transformer that begins with the champion's weights: rows follow their names, validation stays unseen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from models.device import new_accelerator
from models.recommender.blend import ChosenBlend
from models.recommender.choice import FROM_SCRATCH, FROM_THE_CHAMPION, Choice, better_of, start_of
from models.recommender.config import for_size
from models.recommender.transformer.beginning import Beginning
from models.recommender.transformer.ensemble import TrainedEnsemble
from models.recommender.transformer.item_table import ItemTable
from models.recommender.transformer.model import Encoder, SequenceModel, TransformerConfig
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run, Start

TINY = for_size("tiny")
CONFIG = TINY.transformer
ITEMS = pa.table({"item_id": ["a"], "category": ["Shoes"], "brand": pa.nulls(1, pa.string())})


def model_of(items: int, attributes: int, *, seed: int, config: TransformerConfig = CONFIG) -> SequenceModel:
    torch.manual_seed(seed)
    codes_NA = torch.arange(1, items + 1).clamp(max=attributes).unsqueeze(1)
    table = ItemTable(
        start_ND=torch.randn(items, config.hidden_size),
        has_own_N=torch.ones(items),
        attributes_NA=codes_NA,
        attributes=attributes,
    )
    return SequenceModel(table, Encoder(config))


def beginning_of(model: SequenceModel, items: list[str], attributes: list[str], **fields: Any) -> Beginning:
    about: dict[str, Any] = {"item_ids": items, "attributes": attributes, "until": 100.0, "config": CONFIG}
    return Beginning.of([model], **about | fields)


@pytest.fixture
def run() -> Run:
    return Run(config=TINY, seed=1, accelerator=new_accelerator("cpu", "fp32"), checkpoints=None)


def test_each_item_and_attribute_gets_its_own_vector_whatever_its_row_is_now() -> None:
    before, now = model_of(3, 2, seed=1), model_of(4, 2, seed=2)
    beginning = beginning_of(before, ["a", "b", "c"], ["Bags", "Shoes"])
    beginning.put_into(now, member=0, item_ids=["0", "a", "c", "d"], attributes=["Hats", "Shoes"])
    items, old_items = now.table.items.weight, before.table.items.weight
    torch.testing.assert_close(items[2:4], old_items[[1, 3]])
    torch.testing.assert_close(now.table.attributes.weight[2], before.table.attributes.weight[2])
    assert float(items[[1, 4]].detach().abs().max()) < 0.2, "new items start small: their attributes stand for them"
    assert float(items[0].detach().abs().max()) == 0.0
    for name, weights in before.encoder.state_dict().items():
        torch.testing.assert_close(now.encoder.state_dict()[name], weights)


def test_the_same_catalogue_gives_the_same_scores() -> None:
    before, now = model_of(3, 2, seed=1), model_of(3, 2, seed=2)
    beginning_of(before, ["a", "b", "c"], ["Bags", "Shoes"]).put_into(
        now, member=0, item_ids=["a", "b", "c"], attributes=["Bags", "Shoes"]
    )
    rows_BL, behaviours_BL = torch.tensor([[1, 3]]), torch.tensor([[1, 1]])
    states = [one.eval().last_hidden(rows_BL, behaviours_BL) for one in (before, now)]
    torch.testing.assert_close(*states)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written = beginning_of(model_of(2, 1, seed=1), ["a", "é"], ["Shoes > Run"])
    written.write(tmp_path)
    read = Beginning.read(tmp_path)
    assert read is not None
    assert (read.item_ids, read.attributes, read.until, read.shape) == (
        ["a", "é"], ["Shoes > Run"], 100.0, written.shape,
    )  # fmt: skip
    assert list(read.members[0]) == sorted(written.members[0])
    for name, tensor in written.members[0].items():
        torch.testing.assert_close(read.members[0][name], tensor)
    assert Beginning.read(tmp_path / "of a baseline") is None


@pytest.mark.parametrize(
    ("until", "config", "why"),
    [
        (101.0, CONFIG, "have seen a part of the validation window"),
        (99.0, replace(CONFIG, hidden_size=32), "has another shape"),
    ],
)
def test_weights_that_know_the_validation_window_or_do_not_fit_are_not_begun_with(
    tmp_path: Path, run: Run, until: float, config: TransformerConfig, why: str
) -> None:
    beginning_of(model_of(1, 1, seed=1, config=config), ["a"], ["Shoes"], until=until, config=config).write(tmp_path)
    start, said = start_of(tmp_path, ITEMS, 100.0, run)
    assert start is None
    assert why in said


def test_before_the_first_champion_and_after_one_that_kept_no_weights_all_begins_from_scratch(
    tmp_path: Path, run: Run
) -> None:
    assert start_of(None, ITEMS, 100.0, run) == (None, "nothing serves yet")
    assert start_of(tmp_path, ITEMS, 100.0, run) == (None, f"{tmp_path.name} kept no weights for it")


@pytest.mark.parametrize(
    ("scratch", "continued", "chosen"),
    [(0.2, 0.3, FROM_THE_CHAMPION), (0.3, 0.2, FROM_SCRATCH), (0.3, 0.3, FROM_SCRATCH)],
)
def test_the_better_on_validation_is_chosen_and_the_card_says_what_the_other_had(
    scratch: float, continued: float, chosen: str
) -> None:
    start = Start(beginning=beginning_of(model_of(1, 1, seed=1), ["a"], ["Shoes"]), version="v0003", items=ITEMS)
    better = better_of(choice(scratch, None), choice(continued, start))
    assert better.begun["chosen"] == chosen
    assert better.begun["ndcg@10"] == {FROM_SCRATCH: scratch, FROM_THE_CHAMPION: continued}
    assert better.begun["champion"] == "v0003"
    assert better.start is (start if chosen == FROM_THE_CHAMPION else None)


def choice(ndcg: float, start: Start | None) -> Choice:
    model = model_of(1, 1, seed=1)
    return Choice(
        blend=ChosenBlend(weights={"transformer": 1.0}, ndcg=ndcg, alone={}),
        scorers={},
        transformer=TrainedEnsemble(
            scorer=SequenceScorer.of(model, length=CONFIG.max_length), epochs=(1,), losses=[], validation=[]
        ),
        start=start,
        begun={},
        beginning=beginning_of(model, ["a"], ["Shoes"]),
    )
