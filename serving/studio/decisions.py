"""What Studio needs to decide about models: the rooms above give it, for they alone know Dagster and the directory."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

Word = Literal["approve", "reject", "rollback"]
WORDS: tuple[Word, ...] = ("approve", "reject", "rollback")


class Decisions(Protocol):
    """Decides about models exactly as the command line and the web UI do."""

    def waiting(self) -> Sequence[Mapping[str, Any]]:
        """Return the candidates that wait, as ``shopsight waiting --json`` prints them.

        Raises:
            ShopsightError: the directory of approvers or the registry's journal cannot be read.
        """
        ...

    def decide(self, word: Word, family: str, version: str, *, by: str, reason: str) -> None:
        """Record a decision.

        Raises:
            ShopsightError: it is not the person's to take, the gate said no, or a reason is missing.
        """
        ...
