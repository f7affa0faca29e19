"""What a decision about a model needs: a name, a reason, a second person, a verdict beside the present champion."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from models.registry.journal import JournalBrokenError
from models.registry.names import is_a_name, spelling_of
from models.registry.version import ModelVersion, Versions, next_version
from shopsight.errors import ShopsightError


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
    """Refuse a folder of a version that no record is about.

    Raises:
        JournalBrokenError: there is one.
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


def require_rollback_target(
    family: str, target: ModelVersion | None, champion: ModelVersion | None, named: str | None
) -> ModelVersion:
    """Return what a rollback makes champion, or refuse where that was never champion before the present one."""
    if target is None or target.status != "approved" or champion is None:
        raise IllegalTransitionError(
            f"{family} cannot be rolled back{f' to {named}' if named else ''}.",
            why=f"it is {target.status}" if target else "no version was approved before the present champion",
            fix="approve a candidate instead, or name a version that was champion before",
        )
    return target


def require_text(*, reason: str = "given", **names: str) -> None:
    """Refuse a decision without a reason that says something, or without the names of who takes it."""
    for name, text in names.items():
        if not text.strip():
            raise unanswered(name, "it was left empty")
        if not is_a_name(text):
            raise unanswered(name, f"{text!r} is no name: it has no letter, or characters that nobody sees")
    if not any(character.isalnum() for character in reason):
        raise unanswered("reason", "it was left empty" if not reason.strip() else f"{reason!r} says nothing")


def unanswered(name: str, why: str) -> IllegalTransitionError:
    """Return the error of a decision that lacks a name or its reason."""
    return IllegalTransitionError(
        f"A decision about a model needs the {name}.",
        why=f"{why}, and the journal is there to answer who decided what, and why",
        fix="give the reason in a sentence" if name == "reason" else f"give the {name} by name",
    )


def require_candidate(version: ModelVersion, done: str) -> None:
    """Refuse what can be done to a candidate alone."""
    if version.status != "candidate":
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be {done}.",
            why=f"it is {version.status}, and only a candidate can be",
            fix="register a new candidate, or roll back to return to an earlier champion",
        )


def require_second_person(version: ModelVersion, *, approver: str, requester: str) -> None:
    """Refuse an approval by who asked for it."""
    if spelling_of(approver) in {spelling_of(name) for name in (version.requester, requester)}:
        raise IllegalTransitionError(
            f"{approver} cannot approve {version.family} {version.version}.",
            why="who trained a model or asks for its approval does not approve it",
            fix="ask somebody else to approve it",
        )


def require_eligible(version: ModelVersion) -> None:
    """Refuse what its gate did not find eligible."""
    if version.eligible is not True:
        judged = version.eligible is False
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be approved.",
            why="; ".join(version.reasons) if judged else "the gate has not judged it yet",
            fix="train a better candidate" if judged else "run the gate on it first",
        )


def require_judged_beside(version: ModelVersion, champion: ModelVersion | None) -> None:
    """A verdict says nothing of a champion that came after it, which may be the better one."""
    present = champion.version if champion else None
    if version.judged_beside != present:
        raise IllegalTransitionError(
            f"{version.family} {version.version} cannot be approved.",
            why=f"the gate judged it beside {version.judged_beside or 'no champion'}, and now {present} serves",
            fix=f"train a candidate with `shopsight run`: it is judged beside {present}",
        )


def require_no_release(family: str, released: ModelVersion | None) -> None:
    """Refuse a second version beside the champion: nobody could tell which of the two is to follow it."""
    if released is not None:
        raise IllegalTransitionError(
            f"{family} has a release under way.",
            why=f"{released.version} is on its way to be the champion, in its step {released.steps[-1].step!r}",
            fix=f"wait until it is over (`shopsight release status`), or end it: `shopsight rollback {family}`",
        )


def require_approved(version: ModelVersion) -> None:
    """Refuse what nobody approved."""
    if version.approval is None:
        raise IllegalTransitionError(
            f"{version.family} {version.version} gets no Bento.",
            why="it was not approved; nothing is served that nobody answers for",
            fix="approve it first",
        )


def require_released(version: ModelVersion, step: str) -> None:
    """Refuse a step of what is not on its way, or is no champion under watch where its watch is to end."""
    if version.is_watched if step == "settle" else version.status == "releasing":
        return
    raise IllegalTransitionError(
        f"{version.family} {version.version} cannot take the step {step!r}.",
        why=f"it is {version.status}, and is not under release",
        fix="`shopsight release status` shows what is under release",
    )
