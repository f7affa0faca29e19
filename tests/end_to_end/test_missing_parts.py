"""What a user reads when a part is missing: its name, why it matters, and the fix."""

import json
import subprocess
from pathlib import Path

import pytest
from running import SHOPSIGHT, environment_of, settings_of


def run(folder: Path, *arguments: str, **overrides: str) -> subprocess.CompletedProcess[str]:
    environment = environment_of(settings_of(folder / "home"), folder) | overrides
    return subprocess.run([SHOPSIGHT, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_an_empty_shop_runs_through_and_says_that_nothing_can_be_judged(tmp_path: Path) -> None:
    finished = run(tmp_path, "run", "--json")
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert "recommender_evaluation:passes_its_gate" in json.loads(finished.stdout)["failed_checks"]
    status = json.loads(run(tmp_path, "status", "--json").stdout)
    assert status["events"] == {"received": 0, "accepted": 0, "duplicates": 0, "quarantined": 0}
    assert status["bentos"] == []
    for family in ("recommender", "purchase_intent"):
        assert status["models"][family]["champion"] is None
        assert any("could be judged" in reason for reason in status["models"][family]["newest"]["reasons"])


def test_status_of_a_home_that_does_not_exist_is_empty_and_makes_none(tmp_path: Path) -> None:
    finished = run(tmp_path, "status", "--json")
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["events"]["received"] == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "command", [("recommend", "maya"), ("approve", "recommender", "--by", "Ada", "--reason", "why")]
)
def test_without_a_model_the_answer_names_what_is_missing_and_how_to_get_it(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    finished = run(tmp_path, *command)
    assert finished.returncode == 1
    assert "recommender" in finished.stderr
    assert "shopsight run" in finished.stderr


def test_an_encoder_that_is_not_there_stops_the_training_by_name(tmp_path: Path) -> None:
    import pyarrow as pa

    from models.intent.config import for_size
    from models.intent.train import train
    from models.progress import ignore_progress
    from shopsight.errors import ShopsightError

    no_shop = pa.table({name: pa.array([], pa.string()) for name in ("text", "label", "label_source", "channel")})
    with pytest.raises(ShopsightError) as stopped:
        train(
            no_shop,
            config=for_size("tiny", encoder=str(tmp_path / "no-such-encoder")),
            out_dir=tmp_path,
            seed=7,
            device="cpu",
            precision="fp32",
            report=ignore_progress,
        )
    assert "no-such-encoder" in str(stopped.value)


def test_an_unknown_format_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    unknown = run(tmp_path, "import", "parchment", "scroll.txt")
    assert unknown.returncode == 1
    assert "canonical_csv" in unknown.stderr
    missing = run(tmp_path, "import", "retailrocket", "no-such-events.csv")
    assert missing.returncode == 1
    assert "no-such-events.csv" in missing.stderr
    nameless = run(tmp_path, "import", "retailrocket")
    assert nameless.returncode == 1
    assert "retailrocket" in nameless.stderr
