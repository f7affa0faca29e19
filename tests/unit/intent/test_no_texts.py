"""A shop without a text gets no text model: what the shipped corpus alone teaches is no model of its shoppers."""

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.evaluation.approval import DriftSummary, gate
from models.training import read_evaluation
from orchestration.defs.training.assets import intent_candidate
from shopsight.errors import ShopsightError
from shopsight.labelled_texts import write_labels
from shopsight.settings import Settings


@pytest.fixture
def shop(home: Settings) -> Settings:
    """A home whose training set has no row, and whose encoder is missing: a training that begins fails at once."""
    folder = home.training_dir / "intent"
    folder.mkdir(parents=True)
    columns = ("text", "label", "label_source", "channel")
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in columns}), folder / "training_set.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), folder / "reviews.parquet")
    return home.model_copy(update={"sentence_encoder": "no-such-encoder"})


def test_nothing_is_trained_and_the_verdict_says_why(shop: Settings) -> None:
    assert dg.materialize([intent_candidate], resources={"settings": shop}).success
    candidate = shop.training_dir / "intent" / "candidate"
    assert {path.name for path in candidate.iterdir()} == {"card.json", "evaluation.json"}
    verdict = gate(read_evaluation(candidate), None, DriftSummary(state="not evaluable", detail="no rows"))
    assert not verdict.eligible
    assert any(
        "Nothing could be judged: the shop has no text yet (a search, question, review or labelled text)."
        in rule.sentence
        for rule in verdict.rules
    )


def test_texts_that_people_labelled_are_texts(shop: Settings) -> None:
    write_labels(shop.labels_path, [("where is my parcel", "other")])
    with pytest.raises(ShopsightError, match="no-such-encoder"):
        dg.materialize([intent_candidate], resources={"settings": shop})
