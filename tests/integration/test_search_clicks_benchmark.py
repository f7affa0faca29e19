"""What clicks teach, measured on a few planted sessions by the very command that measures a shop's."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.clicked import measure
from shopsight.errors import ShopsightError


def write(folder: Path) -> tuple[Path, Path]:
    """Write sessions in which the item that is wanted most stands last, and a catalogue."""
    rng = np.random.default_rng(5)
    wanted = np.linspace(0.1, 0.9, 12)
    looked_at = 1.0 / np.arange(1, 13) ** 0.9
    with (sessions := folder / "sessions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sess_id", "query", "rank", "clicked_doc_id", "clicked"])
        for session in range(1_500):
            order = np.arange(12)
            if rng.random() < 0.2:
                order = rng.permutation(12)
            for place, item in enumerate(order):
                rows.writerow(
                    [session, "phone", float(place), 100 + item, rng.random() < looked_at[place] * wanted[item]]
                )
    with (products := folder / "products.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["upc", "name", "manufacturer"])
        rows.writerows([f"0{100 + item}", f"phone number {item}", "Maker"] for item in range(12))
    return sessions, products


def test_clicks_weighted_by_their_place_put_what_is_wanted_before_what_stood_on_top(tmp_path: Path) -> None:
    sessions, products = write(tmp_path)
    figures = measure([sessions], products, seed=7, resamples=50)
    assert figures["ndcg@10"]["corrected"]["value"] > 0.9
    assert figures["corrected_ahead_by"]["as_shown"]["low"] > 0
    assert figures["corrected_ahead_by"]["raw"]["value"] > 0
    assert figures["position_bias"]["2"] == pytest.approx(0.536, rel=0.3)


def test_a_file_without_the_columns_is_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "sessions.csv").write_text("query,clicked\nphone,True\n")
    with pytest.raises(ShopsightError, match="lacks sess_id, rank, clicked_doc_id"):
        measure([tmp_path / "sessions.csv"], tmp_path / "none.csv", seed=7)
