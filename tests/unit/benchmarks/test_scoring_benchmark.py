from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from churn_shop import CONFIG, shop, training_table

from benchmarks.scoring import score_customers
from models.churn.train import train
from models.evaluation.approval import RuleResult, Verdict
from models.progress import ignore_progress
from models.registry.registry import ModelRegistry
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_shop_without_an_approved_model_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ShopsightError, match="no churn model is approved"):
        score_customers(Settings(home=tmp_path), customers=10, seed=1)


def test_as_many_customers_are_scored_as_were_asked_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, training_size="tiny")
    folder = settings.training_dir / "churn"
    folder.mkdir(parents=True)
    table = training_table(shop(2, customers=300), [60.0 + 14 * n for n in range(11)])
    pq.write_table(table, folder / "training_set.parquet")
    trained = train(
        table,
        config=CONFIG,
        out_dir=folder / "candidate",
        seed=7,
        device="auto",
        precision="auto",
        report=ignore_progress,
    )
    registry = ModelRegistry.of(settings)
    version = registry.register(
        "churn", folder / "candidate", evaluation=trained, card={}, created_at=NOW, requester="a training run"
    ).version
    registry.judge(
        "churn", version, verdict=Verdict(rules=(RuleResult(rule="any", outcome="passed", sentence="."),)), at=NOW
    )
    registry.approve("churn", version, approver="Ada", reason="for this test", at=NOW, requester="Bob")
    figures = score_customers(settings, customers=1_000, seed=1)
    assert figures["scored"] == figures["customers"] == 1_000
    assert figures["distinct_rows"] <= 300
    assert figures["on_the_win_back_list"] <= 1_000
