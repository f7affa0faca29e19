"""The benchmark of speed: what it counts."""

import time
from collections.abc import Sequence

from benchmarks.intent_speed import measure


def test_ways_take_turns_and_each_is_asked_as_often_as_was_wanted() -> None:
    asked: list[str] = []

    def slow(_texts: Sequence[str]) -> None:
        asked.append("slow")
        time.sleep(0.005)

    def quick(_texts: Sequence[str]) -> None:
        asked.append("quick")

    timings = measure({"slow": slow, "quick": quick}, ["red shoes"], repeats=5)
    assert asked == ["slow", "quick"] * 8, "three rounds to warm up, in turn"
    assert timings["slow"]["p50_ms"] >= 5 > timings["quick"]["p50_ms"]
    assert timings["slow"]["p50_processor_ms"] < 5, "sleep is no work"
