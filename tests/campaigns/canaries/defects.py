"""What may be wrong with a version that passed its warm-up: it acts in the desk that answers, as a model's faults."""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from serving.http.problems import ProblemError

FILE: Final = "defect.json"
"""In the artefact of a version, with ``kind`` and ``share`` of its answers."""

BAD: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "errs", "share": 1.0},
    {"kind": "is slow", "share": 1.0},
    {"kind": "is empty", "share": 1.0},
    {"kind": "dies", "share": 0.05},
    {"kind": "errs", "share": 0.3},
    {"kind": "hangs", "share": 1.0},
    {"kind": "falls back", "share": 1.0},
    {"kind": "refuses", "share": 1.0},
    {"kind": "errs as champion", "share": 0.5},
    {"kind": "errs", "share": 0.1},
    {"kind": "is slow", "share": 0.5},
    {"kind": "does not start", "share": 1.0},
)
"""How a version may be bad, in turn."""
GOOD: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "none", "share": 0.0},
    {"kind": "none", "share": 0.0},
    {"kind": "is a little slower", "share": 1.0},
    {"kind": "errs beside", "share": 0.002},
)
"""What is within the limits of a release."""
AT_START: Final = "does not start"


def plant(folder: Path, defect: dict[str, Any]) -> None:
    """Write a defect into a model's folder."""
    if defect["kind"] == AT_START:
        from swaps.champions import BEFORE_APPROVAL

        BEFORE_APPROVAL["too few best sellers"](folder)
    (folder / FILE).write_text(json.dumps(defect))


def take_effect(artefact: Path) -> None:
    """Have the desk of this process answer as the defect of its model says; the warm-up is answered well."""
    from serving.recommender.desk import RecommendationDesk

    defect = json.loads((artefact / FILE).read_text())
    rng = random.Random(artefact.parent.name)
    answer: Callable[..., Any] = RecommendationDesk.answer

    def defective(desk: Any, request: Any) -> Any:
        # Nobody's: the rehearsal, of which the log takes no rows.
        if desk._log._is_silent or rng.random() >= defect["share"]:  # noqa: SLF001 - tells a rehearsal from a request
            return answer(desk, request)
        return _faulty(defect["kind"], lambda: answer(desk, request))

    setattr(RecommendationDesk, "answer", defective)  # noqa: B010 - mypy refuses to assign to a method


def _faulty(kind: str, answer: Callable[[], Any]) -> Any:
    is_beside = os.environ.get("SHOPSIGHT_BESIDE_CHAMPION") == "True"
    if kind == "errs" or kind == ("errs beside" if is_beside else "errs as champion"):
        raise RuntimeError("a fault of the model")
    if kind == "refuses":
        raise ProblemError(422, "The model does not know how.")
    if kind == "dies":
        os._exit(1)
    time.sleep({"is slow": 0.3, "hangs": 30.0, "is a little slower": 0.005}.get(kind, 0.0))
    given = answer()
    if kind == "is empty":
        given["items"] = []
    if kind == "falls back":
        given["fallback"] = "trending"
    return given
