"""What the intent model's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "labels": "It knows five intents and nothing between them; a text that has two of them gets one.",
    "scripts": "It tells languages apart by script: a text in German or Spanish is Latin as English is, and is "
    "rejected only where its probability is low.",
    "corpus": "Most of its training texts were written by hand or made by a grammar; a shop that labels few texts of "
    "its own is read as other shops are.",
}
REFUSES: Final[Mapping[str, str]] = {
    "unsure": "A text whose most probable label is below the threshold is rejected, and what to do with it is what is "
    "done with `other`.",
    "foreign": "A text in a script that the training texts do not have is rejected, whatever its probability.",
    "no_text": "What is no text, is empty or is too long gets an error of its own and no label.",
}
