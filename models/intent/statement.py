"""What the intent model's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "labels": "It knows five intents and nothing between them; a text that has two of them gets one.",
    "scripts": "A word or two of German or Spanish may pass for English: whole sentences are noticed, a name is not.",
    "corpus": "Most of its training texts were written by hand; a shop that labels few texts of its own is read as "
    "other shops are.",
}
REFUSES: Final[Mapping[str, str]] = {
    "unsure": "A text whose most probable label is below the threshold is rejected, and what to do with it is what is "
    "done with `other`.",
    "foreign": "A text in a script or language that the training texts do not have is rejected, however probable its "
    "label.",
    "no_text": "What is no text, is empty or is too long gets an error of its own and no label.",
}
