"""The pictures of the text model that the web UI shows."""

import base64
import re
import xml.etree.ElementTree as ET

import dagster as dg

from orchestration.charts import intent_pictures

EPOCHS = [
    {"epoch": 0.0, "validation_macro_f1": 0.80, "validation_nll": 0.5},
    {"epoch": 1.0, "validation_macro_f1": 0.90, "validation_nll": 0.3, "training_loss": 0.7},
]
CONFUSION = {"other": {"other": 30, "ask <b>": 10}, "ask <b>": {"other": 0, "ask <b>": 0}}


def _drawn(picture: dg.MarkdownMetadataValue) -> list[ET.Element]:
    assert picture.value is not None
    match = re.search(r"data:image/svg\+xml;base64,([^)]+)\)", picture.value)
    assert match is not None
    return list(ET.fromstring(base64.b64decode(match.group(1))).iter())


def test_learning_curves_have_a_dot_for_every_epoch_and_the_better_one_is_higher() -> None:
    picture = intent_pictures(EPOCHS, CONFUSION)["learning curves"]
    dots = [one for one in _drawn(picture) if one.tag.endswith("circle")]
    assert len(dots) == 5, "two panels of two epochs, and the loss that the probe has not"
    curve = [float(dot.get("cy") or 0) for dot in dots[1:3]]
    assert curve[1] < curve[0], "macro-F1 rises, and a picture's y falls"
    assert "| 1 | 0.700 | 0.900 | 0.300 |" in (picture.value or "")
    assert "| 0 | – | 0.800 | 0.500 |" in (picture.value or "")


def test_confusions_are_darker_the_larger_their_share_and_labels_are_escaped() -> None:
    picture = intent_pictures(EPOCHS, CONFUSION)["confusion"]
    cells = [one for one in _drawn(picture) if one.tag.endswith("rect") and one.get("fill-opacity")]
    assert [float(one.get("fill-opacity") or -1) for one in cells] == [0.75, 0.25, 0.0, 0.0]
    assert "| other | 30 | 10 |" in (picture.value or "")


def test_a_run_without_fine_tuning_or_figures_is_drawn_too() -> None:
    pictures = intent_pictures(EPOCHS[:1], {})
    assert set(pictures) == {"learning curves"}
    assert len([one for one in _drawn(pictures["learning curves"]) if one.tag.endswith("circle")]) == 2
