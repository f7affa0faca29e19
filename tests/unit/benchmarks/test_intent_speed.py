"""The benchmark of speed: what it counts."""

import time
from collections.abc import Sequence

from benchmarks.intent_speed import measure


def test_every_text_is_asked_as_often_as_was_wanted_and_sleep_is_no_work() -> None:
    asked: list[str] = []

    def slow(texts: Sequence[str]) -> None:
        asked.extend(texts)
        time.sleep(0.005)

    timings = measure(slow, [["red shoes"], ["blue"]], repeats=5)
    assert asked == ["red shoes", "blue"] * 6, "one round to warm up"
    assert timings["p50_ms"] >= 5 > timings["p50_processor_ms"]
