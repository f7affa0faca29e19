"""The smallest candidates that a registry takes."""

from pathlib import Path

from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation

FIGURE = Estimate(value=0.8, low=0.7, high=0.9)
VERDICTS = {
    True: Verdict(rules=(RuleResult(rule="beats every baseline", outcome="passed", sentence="It does."),)),
    False: Verdict(rules=(RuleResult(rule="beats every baseline", outcome="failed", sentence="It does not."),)),
}
"""What the gate says, by whether it may be approved."""


def evaluation_of(family: str) -> Evaluation:
    """Return figures that a card can show."""
    return Evaluation(
        family=family,
        candidate="toy",
        primary_metric="macro_f1",
        protocol="none: it is a toy",
        cases=500,
        metrics={"macro_f1": FIGURE},
        baselines={},
        gains={"majority": FIGURE},
    )


def toy_candidate(folder: Path, *, seed: int = 0) -> Path:
    """Write the files of a model; another seed gives other weights."""
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(bytes((seed + number * 37) % 256 for number in range(256)))
    (folder / "config.json").write_text(f'{{"labels": {seed + 5}}}')
    (folder / "tokenizer" / "vocab.txt").write_text(f"a\nb{seed}\n")
    return folder
