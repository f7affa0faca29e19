"""Where an answer comes from, link by link: its row, the model, who let it serve, its training, and what it read.

Every link is either a fact that somebody wrote down at the time, or ``not_said`` with the reason. Nothing is concluded
from what merely lay there then.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.registry.artefacts import ArtefactChangedError
from models.registry.journal import JournalHead
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from models.training import read_card
from serving.audit.logged_rows import LoggedRow, find_row
from shopsight.settings import Settings

NOT_LOGGED: Final = "not logged by the version that answered"
NO_CARD: Final = "the card does not say: the model was registered by a version that did not write it"
NO_COMMIT: Final = "shopsight was installed as a package: the card has its version and a digest of its sources"
RESULTS_OF: Final = ("results", "without_orders")
"""Fields of a row that have an entry for each of its instances."""

ROLES: Final = {
    "canary": "the version was under release, and the answer was shown",
    "shadow": "the version was under release, and nobody saw the answer",
    "dropped": "the version was under release, and the champion answered in its place",
}

Link = dict[str, Any]
"""What a link says, or ``{"not_said": why}``."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an answer comes from."""

    logged: LoggedRow
    links: dict[str, Link]
    """``answer``, ``bento``, ``model``, ``approval``, ``gate``, ``training``, ``warehouse`` and ``features``."""
    seconds: float
    """How long it took to look that up, without the proof that the artefact is still what was registered."""

    @property
    def users(self) -> list[str]:
        """Pseudonyms of the shoppers that the answer is about."""
        return list(moments_by_user(self.logged.row))


def origin_of(settings: Settings, answer_id: str) -> Origin:
    """Look up where an answer comes from.

    Args:
        settings: of the home.
        answer_id: a ``prediction_id`` or a ``recommendation_id``.

    Raises:
        UnknownAnswerError: the prediction log has no such answer.
        JournalBrokenError: the registry's journal is not what was written.
    """
    started = time.perf_counter()
    logged = find_row(settings, answer_id)
    row = logged.row
    registry = ModelRegistry.of(settings)
    name = row["model"]["version"]
    now = {version.version: version for version in registry.versions(logged.family)}.get(name)
    head = _head(row)
    then = None if head is None else registry.version_by(logged.family, name, records=head.records)
    card = read_card(now.path) if now is not None and now.path.is_dir() else None
    links: dict[str, Link] = {
        "answer": _answer(logged),
        "bento": _bento(row, then),
        "model": _model(row, now),
        "approval": _approval(then, head),
        "gate": _gate(then),
        "training": _training(card),
        "warehouse": _warehouse(card),
        "features": _features(logged),
    }
    seconds = time.perf_counter() - started
    if now is not None:
        links["model"]["artefact_now"] = _state_of(now)  # after the lookup: every byte of the artefact is read
    return Origin(logged=logged, links=links, seconds=seconds)


def moments_by_user(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the shoppers that a row names, and as of when their features are; None where it does not say."""
    entries = [row] if "recommendation_id" in row else _instances(row)
    return {one["user"]: one.get("features_as_of") for one in entries if one.get("user") is not None}


def _instances(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a row that has one for each of its instances; texts of intents are none."""
    return [one for name in RESULTS_OF for one in row.get(name, ()) if isinstance(one, dict) and "features" in one]


def _answer(logged: LoggedRow) -> Link:
    row = logged.row
    names = ("answered_at", "placement", "task", "fallback", "fallbacks", "errors", "code")
    results = [
        {k: v for k, v in one.items() if k != "features"} if isinstance(one, dict) else one for one in row["results"]
    ]
    return {
        "family": logged.family,
        "file": f"{logged.path.parent.name}/{logged.path.name}:{logged.line}",
        **{name: row[name] for name in names if name in row},
        **({"role": f"{row['role']}: {ROLES[row['role']]}"} if row.get("role") in ROLES else {}),
        "results": results,
    }


def _head(row: Mapping[str, Any]) -> JournalHead | None:
    try:
        return JournalHead.parse(row["journal"])
    except (KeyError, ValueError):
        return None


def _bento(row: Mapping[str, Any], then: ModelVersion | None) -> Link:
    if row.get("bento"):
        return {"tag": row["bento"]}
    if "bento" in row:
        return {"not_said": "the desk that answered ran from no Bento"}
    tags = [bento.tag for bento in then.bentos] if then else []
    if len(tags) == 1:
        return {"tag": tags[0], "because": "it was the only Bento of this version when its service started"}
    return {"not_said": NOT_LOGGED, "bentos_by_then": tags}


def _model(row: Mapping[str, Any], now: ModelVersion | None) -> Link:
    name = dict(row["model"])
    if now is None:
        return name | {"not_said": "the registry has no such version"}
    return name | {"status_now": now.status, "registered_at": now.created_at, "registered_by": now.requester}


def _state_of(version: ModelVersion) -> str:
    try:
        version.verify()
    except ArtefactChangedError as error:
        return error.what
    return "as registered"


def _approval(then: ModelVersion | None, head: JournalHead | None) -> Link:
    if head is None:
        return {"not_said": "the row does not say how far the registry's journal had come"}
    if then is None or then.approval is None:
        return {"not_said": f"the registry's journal has no approval of it by record {head.records}"}
    approval = then.approval
    steps = [f"{step.step} at {step.at} by {step.decision.who}: {step.reason}" for step in then.steps]
    said = {"by": approval.who, "at": approval.at, "comment": approval.reason, "record": approval.record}
    return said | ({"release": steps} if steps else {})


def _gate(then: ModelVersion | None) -> Link:
    if then is None or then.eligible is None:
        return {"not_said": "the registry's journal has no verdict on it by then"}
    return {"eligible": then.eligible, "against": list(then.reasons), "judged_beside": then.judged_beside}


def _training(card: Mapping[str, Any] | None) -> Link:
    if card is None:
        return {"not_said": "the files of this version are not in the registry any more"}
    provenance = card.get("provenance") or {}
    names = ("seed", "data_window", "rows", "users", "items", "device", "precision")
    run = provenance.get("trained_in_run")
    code = card.get("code")
    commit = (code or {}).get("commit")
    return {
        **{name: card[name] for name in names if name in card},
        "dagster_run": run if run else {"not_said": NO_CARD},
        "shopsight": provenance.get("shopsight") or {"not_said": NO_CARD},
        "git_commit": commit if commit else {"not_said": NO_CARD if code is None else NO_COMMIT},
    }


def _warehouse(card: Mapping[str, Any] | None) -> Link:
    digest = (card or {}).get("provenance", {}).get("warehouse_models_sha256")
    return {"models_sha256": digest} if digest else {"not_said": NO_CARD}


def _features(logged: LoggedRow) -> Link:
    row = logged.row
    if logged.family == "intent":
        return {"not_said": "a text is its only input, and texts are not logged, for privacy"}
    if "recommendation_id" not in row:
        names = ("index", "user", "as_of_days", "features_as_of", "features")
        return {"by_instance": [{name: one[name] for name in names if name in one} for one in _instances(row)]}
    if row["user"] is None:
        return {"not_said": "the answer is about nobody, and no feature of a shopper was read"}
    of_user = {"user": row["user"], "features_as_of": row["features_as_of"]}
    inputs = row.get("inputs")
    if inputs is None:
        return of_user | {"not_said": NOT_LOGGED}
    return of_user | {"user_known": inputs["user_known"], "features": inputs["features"]}
