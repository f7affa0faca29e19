"""Where the registry's journal was seen: each Bento and each file of the prediction log says how far it had come then.

A journal that was cut short is intact by itself; it is noticed by those that saw it longer.
"""

import json
from collections.abc import Iterator

from models.registry.journal import JournalHead
from models.registry.registry import ModelRegistry
from serving.prediction_log import last_rows
from serving.served_model import DESCRIPTION_FILE
from shopsight.settings import Settings


def confirm_journal(settings: Settings, family: str | None = None) -> None:
    """Prove that no decision that a Bento or the prediction log saw is missing from the journal.

    Args:
        settings: the home.
        family: look at what is of this family alone; None: at everything.

    Raises:
        JournalBrokenError: one is; the message says who saw it.
    """
    # What was seen is read first: a decision of the meantime only makes the journal longer.
    ModelRegistry.of(settings).confirm_all(list(journal_heads(settings, family)))


def journal_heads(settings: Settings, family: str | None = None) -> Iterator[tuple[str, JournalHead]]:
    """Yield what saw the journal, and how long it was; what is damaged says nothing."""
    for path in sorted((settings.bentoml_dir / "models").glob(f"{family or '*'}/*/{DESCRIPTION_FILE}")):
        try:
            head = JournalHead.parse(json.loads(path.read_text())["journal"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        yield f"the model {path.parent.parent.name}:{path.parent.name} in BentoML's store", head
    # A journal only grows: what the newest day saw includes all that the days before did.
    newest = [max(folder.glob("*-*-*"), default=folder) for folder in settings.predictions_dir.glob(family or "*")]
    for path, row in (seen for folder in newest for seen in last_rows(folder)):
        try:
            head = JournalHead.parse(row["journal"])
        except (ValueError, KeyError, AttributeError):
            continue
        yield f"the last answer in {path}", head
