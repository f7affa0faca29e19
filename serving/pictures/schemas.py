"""What the picture search takes in and gives out."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from serving.schemas import Identifier, Request, closed

MAX_RESULTS: Final = 100


class LooksRequest(Request):
    """Ask for what looks like items of the catalogue (of several, like any of them), or like what a text says."""

    item_ids: list[Identifier] | None = Field(default=None, min_length=1, max_length=20)
    text: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)] | None = None
    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS, strict=True)] = 10

    @model_validator(mode="after")
    def _names_one_thing(self) -> "LooksRequest":
        if (self.item_ids is None) == (self.text is None):
            raise ValueError("name either item_ids or a text")
        return self


class ImageOptions(Request):
    """What the address of a picture search may say after its question mark."""

    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 10


@closed
class LooksItem(TypedDict):
    """An item that looks like what was asked about."""

    item_id: str
    rank: int
    score: float
    """Similarity of the pictures, or of the picture and the text, at most 1."""


@closed
class ShowsEntry(TypedDict):
    """What the picture probably shows."""

    attribute: str
    value: str
    share_of_votes: float
    item_ids: list[str]
    """Items whose pictures say so, nearest first."""


@closed
class PictureAnswer(TypedDict):
    """Items, best first, and what the picture shows."""

    model: str
    """Digest of what was learnt from the shop's pictures."""
    items: list[LooksItem]
    suggestions: list[ShowsEntry]
    missing_item_ids: list[str]
    """Items that were asked about and have no picture."""
    notes: list[str]
    took_ms: float
