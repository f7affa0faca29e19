"""Files that a shop writes in YAML: read whole, every wrong line named by what people call it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shopsight.errors import ShopsightError

Model = TypeVar("Model", bound=BaseModel)


def read_book(
    book: type[Model], path: Path, *, what: str, page: str, error: type[ShopsightError], content: bytes | None = None
) -> Model:
    """Read a YAML file; an empty one is the book's defaults.

    Args:
        book: what the file is read as.
        path: the file.
        what: what it has, such as ``rules``.
        page: of the documents, which shows each kind of line.
        error: what is raised.
        content: of the file, where somebody has read it.

    Raises:
        ShopsightError: as ``error``; the file cannot be read, or is not valid.
    """
    try:
        said = yaml.safe_load((path.read_bytes() if content is None else content).decode("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        fix = f"mend the file; {page} has one"
        raise error(f"The {what} in {path} cannot be read.", why=str(cause), fix=fix) from cause
    try:
        return book.model_validate(said if said is not None else {})
    except ValidationError as cause:
        wrong = "; ".join(
            f"{_where(one['loc'], said)}: {one['msg'].removeprefix('Value error, ')}" for one in cause.errors()
        )
        fix = f"mend these lines; {page} has each kind"
        raise error(f"The {what} in {path} are not valid.", why=wrong, fix=fix) from cause


def _where(place: Sequence[str | int], content: Any) -> str:
    """Return the place of an error with the names that people look for, such as a rule's, in place of numbers."""
    parts: list[str] = []
    for part in place:
        try:
            content = content[part]
        except (KeyError, TypeError, IndexError):
            content = None
        if isinstance(part, int) and not isinstance(content, str):
            kind = parts.pop().removesuffix("s") if parts else "line"
            name = content.get("name") if isinstance(content, dict) else None
            parts.append(f"{kind} {name!r}" if isinstance(name, str) else f"{kind} number {part + 1}")
        else:
            parts.append(str(part))
    return ".".join(parts) or "the file"
