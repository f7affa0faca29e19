"""Begins and stops experiments: what the command line and the web UI's jobs do to ``experiments.yml``.

The file is the shop's own. :func:`put_in_force` takes a person's text as it is; :func:`start` and :func:`stop` write
the file anew, without its comments, and leave the text of before beside it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from serving.recommender.experiments.book import Experiment, ExperimentBook
from serving.recommender.experiments.report import experiment_of
from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import replaced

WAIT_SECONDS: Final = 10.0
"""Longest wait for another writer of the file."""


def text_of_before(settings: Settings) -> Path:
    """Return where the text lies that :func:`start` and :func:`stop` took the place of last."""
    return settings.experiments_path.with_suffix(".before.yml")


def put_in_force(settings: Settings, content: bytes, *, source: Path) -> ExperimentBook:
    """Put a whole file of experiments in force; running services take it up within seconds.

    Args:
        settings: of the home.
        content: of the file.
        source: what an error names.

    Raises:
        UnusableExperimentsError: it is not valid, and nothing was changed.
    """
    book = ExperimentBook.read(source, content)
    with _alone(settings), replaced(settings.experiments_path) as staging:
        staging.write_bytes(content)
    return book


def start(settings: Settings, experiment: Mapping[str, Any]) -> Experiment:
    """Add an experiment to those of the shop.

    Args:
        settings: of the home.
        experiment: its lines, as docs/experiments.md has them.

    Raises:
        UnusableExperimentsError: a line is wrong, its name is taken, or another runs at one of its placements on the
            same days; nothing was changed.
    """
    with _written_anew(settings) as document:
        document["experiments"] = [*(document.get("experiments") or []), dict(experiment)]
    return experiment_of(ExperimentBook.read(settings.experiments_path), experiment["name"])


def stop(settings: Settings, name: str, *, now: datetime) -> Experiment:
    """Have no further list take part in an experiment; what it showed can be read as before.

    Args:
        settings: of the home.
        name: of the experiment.
        now: the moment, aware.

    Raises:
        ShopsightError: there is none of that name, or it is over; nothing was changed.
    """
    with _written_anew(settings) as document:
        book = ExperimentBook.model_validate(document)
        experiment = experiment_of(book.model_copy(update={"hold_out": None}), name)
        if experiment.ends_at <= now:
            raise ShopsightError(
                f"the experiment {name!r} cannot be stopped",
                why=f"it is over since {rfc3339(experiment.ends_at)[:19]} UTC",
                fix=f"`shopsight experiment report {name}` says what it showed",
            )
        for lines in document["experiments"]:
            if lines["name"] == name:
                lines["stopped_at"] = rfc3339(now)
    return experiment_of(ExperimentBook.read(settings.experiments_path), name)


@contextmanager
def _written_anew(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield what the file says, and write what the block made of it, where that is valid."""
    path = settings.experiments_path
    with _alone(settings):
        before = path.read_bytes() if path.exists() else None
        if before is not None:
            ExperimentBook.read(path, before)
        document = (yaml.safe_load(before) if before else None) or {}
        yield document
        content = yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
        ExperimentBook.read(path, content)
        if before is not None:
            with replaced(text_of_before(settings)) as staging:
                staging.write_bytes(before)
        with replaced(path) as staging:
            staging.write_bytes(content)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    path = settings.experiments_path
    with exclusive(path.with_suffix(".lock"), what=path.name, wait_seconds=WAIT_SECONDS):
        yield
