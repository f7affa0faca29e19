"""*Groups* and *Ask*: what takes seconds to work out; the page says so, and shows it once it is there."""

import json
from collections.abc import Callable
from typing import Any, Final

import yaml

from serving.studio.jobs import TooManyJobsError
from serving.studio.page_request import PageError, PageRequest, figures, table
from serving.studio.questions import QUESTIONS
from shopsight.errors import ShopsightError
from shopsight.marts import MANIFEST, require_marts
from shopsight.refusals import open_personal_marts
from shopsight.settings import Settings
from shopsight.whole_files import version_of

MAX_QUESTION: Final = 500
EXAMPLES: Final = (
    "shoppers who return an item within 14 days",
    "customers who have ordered twice and who spend more than 50 in 60 days",
    "shoppers who will buy in category Sports in the next 30 days",
)


def groups(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of groups shows."""
    names = ("behaviour_groups", "segments", "stages", "win_back")
    with asked.reader.opened(*(QUESTIONS[name] for name in names)) as answers:
        tables = {name: table(answers, name, {}, limit=12) for name in names}
        members = figures(asked, answers, ("behaviour_groups",), asked.period())
    page = _worked_out(asked, "groups", lambda: groups_document(asked.settings))
    return tables | {"members": members} | page


def ask(asked: PageRequest) -> dict[str, Any]:
    """Return what the page of questions shows."""
    text = asked.query.get("question", "").strip()
    if len(text) > MAX_QUESTION:
        raise PageError(400, "error.form")
    page: dict[str, Any] = {"text": text, "examples": EXAMPLES, "document": None, "seconds": None, "trouble": None}
    return page | _worked_out(asked, text, lambda: answer_to(asked.settings, text)) if text else page


def _worked_out(asked: PageRequest, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return an answer with the marts as they are, how long it has been worked on, or what is in its way."""
    key = (name, version_of(asked.settings.exports_dir / MANIFEST), version_of(asked.settings.home / "segments.yml"))
    try:
        job = asked.jobs.job(key, work)
    except TooManyJobsError:
        raise PageError(429, "error.busy") from None
    if not job.is_done:
        return {"document": None, "seconds": job.seconds, "trouble": None}
    try:
        return {"document": job.future.result(), "seconds": None, "trouble": None}
    except ShopsightError as error:
        return {"document": None, "seconds": None, "trouble": error}


def answer_to(settings: Settings, text: str) -> dict[str, Any]:
    """Return the answer to a question, as ``shopsight ask --json`` prints it.

    Raises:
        ShopsightError: the home has no marts.
    """
    from models.asking.answer import MARTS, answer

    require_marts(settings, MARTS)
    with open_personal_marts(settings, MARTS) as connection:
        return answer(connection, text, seed=settings.seed).document


def groups_document(settings: Settings) -> dict[str, Any]:
    """Return the groups of the newest day and the shop's own segments, as ``shopsight groups --json`` prints them.

    Raises:
        ShopsightError: there are no marts or too few shoppers, or ``segments.yml`` is wrong.
    """
    from models.asking.answer import MARTS
    from models.asking.rows import log_span
    from models.grouping.groups import Grouping
    from models.grouping.report import groups_of_day
    from models.grouping.segments import count_segments, read_segments

    require_marts(settings, MARTS)
    rules = settings.home / "segments.yml"
    segments, strategies = read_segments(yaml.safe_load(rules.read_text()) if rules.exists() else None, file=str(rules))
    written = settings.groups_path
    previous = Grouping.of_json(json.loads(written.read_text())) if written.exists() else None
    with open_personal_marts(settings, MARTS) as connection:
        try:
            day = groups_of_day(connection, log_span(connection)[1], seed=settings.seed, previous=previous)
        except ValueError as error:
            raise ShopsightError("there are no groups yet", why=str(error), fix="import a longer history") from None
        document = day.document | {"segments": count_segments(connection, segments)}
    for group in document["groups"]:
        group["strategy"] = strategies.get(group["id"], "")
    return document
