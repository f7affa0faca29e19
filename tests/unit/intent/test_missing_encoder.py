"""What a training says that does not find its text encoder."""

from pathlib import Path

import pyarrow as pa
import pytest

from models.intent.config import for_size
from models.intent.train import train
from models.progress import ignore_progress
from shopsight.errors import ShopsightError


def test_an_encoder_that_is_not_there_stops_the_training_by_name(tmp_path: Path) -> None:
    no_shop = pa.table({name: pa.array([], pa.string()) for name in ("text", "label", "label_source", "channel")})
    with pytest.raises(ShopsightError) as stopped:
        train(
            no_shop,
            config=for_size("tiny", encoder=str(tmp_path / "no-such-encoder")),
            out_dir=tmp_path,
            seed=7,
            report=ignore_progress,
        )
    assert "no-such-encoder" in str(stopped.value)
