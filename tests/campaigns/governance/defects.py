"""Faults that are planted in the product, each of which has to turn the campaign red."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from models.registry.approvers import ApproversFile, Authority, Delegation, Directory
from models.registry.artefacts import verify_hashes

IN_SEQUENCES: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "no-second-person": ("models.registry.registry.require_second_person", lambda *_, **__: None),
    "verdicts-hold-for-ever": ("models.registry.registry.require_holding_verdict", lambda *_, **__: None),
    "refused-by-the-gate-serves": ("models.registry.registry.require_eligible", lambda *_: None),
    "decided-twice": ("models.registry.registry.require_candidate", lambda *_: None),
    "names-nobody-can-read": ("models.registry.registry.require_text", lambda **_: None),
}
"""Planted by taking away a rule: where it is, and what stands in for it."""


def _anybody(_self: ApproversFile, *_: object, name: str, **__: object) -> Authority:
    return Authority(name=name)


def _only_spelt(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"family", "hash"} <= record.keys() else None


def _all_but_cards(folder: Any, expected: Any) -> None:
    if (folder / "card.json").is_file():
        verify_hashes(folder, {**expected, "card.json": _hash_of(folder)})


def _hash_of(folder: Any) -> str:
    from models.registry.artefacts import hashes_of

    return hashes_of(folder).get("card.json", "")


_REPLACED: Final[dict[str, tuple[Any, str, Any]]] = {
    "anybody-decides": (ApproversFile, "authority", _anybody),
    "delegations-never-end": (Delegation, "holds", lambda *_: True),
    "deputies-have-no-rights": (Directory, "lender_to", lambda *_: None),
}
_UNPROVED: Final[dict[str, tuple[str, Any]]] = {
    "no-witness": ("models.registry.journal.Journal._missed", lambda *_: ()),
    "other-spellings-count": ("models.registry.journal._parsed", _only_spelt),
    "artefacts-are-not-proved": ("models.registry.version.verify_hashes", lambda *_: None),
    "cards-are-not-proved": ("models.registry.version.verify_hashes", _all_but_cards),
}
DEFECTS: Final = (*IN_SEQUENCES, *_REPLACED, *_UNPROVED)


@contextmanager
def planted(defect: str | None) -> Iterator[None]:
    """Have a defect in the product for the length of the block; None: none."""
    with ExitStack() as stack:
        if defect in _REPLACED:
            stack.enter_context(patch.object(*_REPLACED[defect]))
        elif defect is not None:
            stack.enter_context(patch(*{**IN_SEQUENCES, **_UNPROVED}[defect]))
        yield
