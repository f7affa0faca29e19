"""What has to hold before a decision is written down: of the words, the person, the version and the gate's verdict."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from models.registry.approvers import Authority
from models.registry.journal import JournalBrokenError
from models.registry.names import are_alike, is_a_name
from models.registry.version import ModelVersion, Versions, next_version
from shopsight.errors import ShopsightError

CLOCK_SKEW: Final = timedelta(hours=1)
"""How far a verdict may lie ahead of the decision: clocks of two machines differ."""


class IllegalTransitionError(ShopsightError):
    """The action is not allowed on a version in this state, or not to this person."""


class UnknownVersionError(ShopsightError):
    """The registry has no such version."""


def version_in(versions: Versions, family: str, version: str) -> ModelVersion:
    """Return a version by its name.

    Raises:
        UnknownVersionError: there is none.
    """
    if version not in versions:
        raise UnknownVersionError(
            f"The registry has no {family} {version}.",
            why=f"known are: {', '.join(versions) or 'none yet'}",
            fix="train and register a model, or name one of the known versions",
        )
    return versions[version]


def require_recorded(folders: Iterable[Path], families: Mapping[str, Versions]) -> None:
    """Return where every folder of a version has a record.

    Raises:
        JournalBrokenError: one has none.
    """
    for folder in sorted(folders):
        versions = families.get(folder.parent.name, {})
        # A registration killed just before its record leaves the folder of the next version, and no other.
        if folder.name not in {*versions, next_version(versions)}:
            raise JournalBrokenError(
                f"{folder} is in no record of the journal.",
                why="it was put there by hand, or records were cut off the journal's end",
                fix="restore the journal from a backup, or move the folder away",
            )


def expires_at(version: ModelVersion, *, days: float | None) -> datetime | None:
    """Return when the gate's word on a version ends; None where it has not spoken, or speaks for ever."""
    if version.judged_at is None or days is None:
        return None
    return datetime.fromisoformat(version.judged_at) + timedelta(days=days)


def why_stale(version: ModelVersion, champion: ModelVersion | None, at: datetime, *, days: float | None) -> str | None:
    """Return why the gate's word on a version says nothing at a moment; None where it holds.

    Args:
        version: a candidate that was judged.
        champion: what serves now: a verdict says nothing of one that came after it, which may be the better one.
        at: the moment, aware.
        days: how long a verdict is good for; ``None``: for ever.
    """
    present = champion.version if champion else None
    if version.judged_beside != present:
        return f"the gate judged it beside {version.judged_beside or 'no champion'}, and now {present} serves"
    end = expires_at(version, days=days)
    if end is None or version.judged_at is None:
        return None
    judged_at = datetime.fromisoformat(version.judged_at)
    if at > end:
        return f"the gate's word of {judged_at:%Y-%m-%d %H:%M} held for {days:g} days (SHOPSIGHT_VERDICT_DAYS)"
    if judged_at > at + CLOCK_SKEW:
        return f"the gate's word is of {judged_at:%Y-%m-%d %H:%M}, which is yet to come: a clock was wrong"
    return None


def require_holding_verdict(
    version: ModelVersion, champion: ModelVersion | None, at: datetime, *, days: float | None
) -> None:
    """Return where :func:`why_stale` has nothing to say.

    Raises:
        IllegalTransitionError: another model serves than was compared with, or the verdict is too old.
    """
    why = why_stale(version, champion, at, days=days)
    if why is not None:
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be approved.",
            why=why,
            fix=f"have it judged anew with `shopsight judge {version.family} --version {version.version}` or the job "
            "`judge_candidate`, or train another with `shopsight run`",
        )


def require_still_serving(version: str, compared: ModelVersion | None, champion: ModelVersion | None) -> None:
    """Return where the champion that a verdict was made beside serves still.

    Raises:
        IllegalTransitionError: another one does.
    """
    before, now = (one.version if one else "no champion" for one in (compared, champion))
    if before != now:
        raise IllegalTransitionError(
            f"The verdict on {version} is not recorded.",
            why=f"it was made beside {before}, and now {now} serves",
            fix="judge it again",
        )


def require_text(*, reason: str = "given", **names: str) -> None:
    """Return where every name can be read and the reason says something.

    Raises:
        IllegalTransitionError: one does not; the message says which.
    """
    for name, text in names.items():
        if not text.strip():
            raise _unanswered(name, "it was left empty")
        if not is_a_name(text):
            raise _unanswered(name, f"{text!r} is no name: it has no letter, or characters that nobody sees")
    if not any(character.isalnum() for character in reason):
        raise _unanswered("reason", "it was left empty" if not reason.strip() else f"{reason!r} says nothing")


def _unanswered(name: str, why: str) -> IllegalTransitionError:
    return IllegalTransitionError(
        f"A decision about a model needs the {name}.",
        why=f"{why}, and the journal is there to answer who decided what, and why",
        fix="give the reason in a sentence" if name == "reason" else f"give the {name} by name",
    )


def require_candidate(version: ModelVersion, done: str) -> None:
    """Return where nothing was decided about a version yet.

    Raises:
        IllegalTransitionError: it is no candidate any more.
    """
    if version.status != "candidate":
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be {done}.",
            why=f"it is {version.status}, and only a candidate can be",
            fix="register a new candidate, or roll back to return to an earlier champion",
        )


def require_second_person(version: ModelVersion, authority: Authority, *, requester: str | None = None) -> None:
    """Return where nobody who answers for a decision asked for the version.

    Raises:
        IllegalTransitionError: somebody did, or is spelt or looks like somebody who did.
    """
    # Who launched the training is held against somebody only where a file says who else may decide.
    launched_by = version.launched_by if authority.file is not None else None
    asked = [name for name in (version.requester, requester, launched_by) if name is not None]
    if any(are_alike(name, other) for name in authority.people for other in asked):
        raise IllegalTransitionError(
            f"{' for '.join(authority.people)} cannot let {version.family} {version.version} serve.",
            why="who trained a model or asks for its approval does not approve it",
            fix="ask somebody else to approve it",
        )


def require_eligible(version: ModelVersion) -> None:
    """Return where the gate found nothing against a version.

    Raises:
        IllegalTransitionError: it did, or was not asked.
    """
    if version.eligible is not True:
        judged = version.eligible is False
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be approved.",
            why="; ".join(version.reasons) if judged else "the gate has not judged it yet",
            fix="train a better candidate" if judged else "run the gate on it first",
        )


def require_rollback_target(
    family: str, target: ModelVersion | None, champion: ModelVersion | None, named: str | None
) -> ModelVersion:
    """Return what a rollback makes champion.

    Raises:
        IllegalTransitionError: it was never champion before the present one.
    """
    if target is None or target.status != "approved" or champion is None:
        raise IllegalTransitionError(
            f"{family} cannot be rolled back{f' to {named}' if named else ''}.",
            why=f"it is {target.status}" if target else "no version was approved before the present champion",
            fix="approve a candidate instead, or name a version that was champion before",
        )
    return target


def require_no_release(family: str, released: ModelVersion | None) -> None:
    """Return where nothing is under release: of two beside the champion, nobody could tell which is to follow it.

    Raises:
        IllegalTransitionError: a version is.
    """
    if released is not None:
        raise IllegalTransitionError(
            f"{family} has a release under way.",
            why=f"{released.version} is on its way to be the champion, in its step {released.steps[-1].step!r}",
            fix=f"wait until it is over (`shopsight release status`), or end it: `shopsight rollback {family}`",
        )


def require_approved(version: ModelVersion) -> None:
    """Return where somebody approved a version.

    Raises:
        IllegalTransitionError: nobody did.
    """
    if version.approval is None:
        raise IllegalTransitionError(
            f"{version.family} {version.version} gets no Bento.",
            why="it was not approved; nothing is served that nobody answers for",
            fix="approve it first",
        )


def require_released(version: ModelVersion, step: str) -> None:
    """Return where a version is on its way, or is a champion under watch where its watch is to end.

    Raises:
        IllegalTransitionError: it is not.
    """
    if version.is_watched if step == "settle" else version.status == "releasing":
        return
    raise IllegalTransitionError(
        f"{version.family} {version.version} cannot take the step {step!r}.",
        why=f"it is {version.status}, and is not under release",
        fix="`shopsight release status` shows what is under release",
    )
