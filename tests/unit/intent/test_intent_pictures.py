"""The pictures of the text model that the web UI shows."""

import base64
import re
import xml.etree.ElementTree as ET

import dagster as dg

from orchestration.charts import intent_pictures

CONFUSION = {"other": {"other": 30, "ask <b>": 10}, "ask <b>": {"other": 0, "ask <b>": 0}}


def _drawn(picture: dg.MarkdownMetadataValue) -> list[ET.Element]:
    assert picture.value is not None
    match = re.search(r"data:image/svg\+xml;base64,([^)]+)\)", picture.value)
    assert match is not None
    return list(ET.fromstring(base64.b64decode(match.group(1))).iter())


def test_confusions_are_darker_the_larger_their_share_and_labels_are_escaped() -> None:
    picture = intent_pictures(CONFUSION)["confusion"]
    cells = [one for one in _drawn(picture) if one.tag.endswith("rect") and one.get("fill-opacity")]
    assert [float(one.get("fill-opacity") or -1) for one in cells] == [0.75, 0.25, 0.0, 0.0]
    assert "| other | 30 | 10 |" in (picture.value or "")


def test_a_run_that_could_not_be_judged_has_no_picture() -> None:
    assert intent_pictures({}) == {}
