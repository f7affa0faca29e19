"""Who launched a run from the web UI: written into its tags by the process that knows, and signed.

The gateway knows who is logged in. When one of that person's requests launches a run, the run coordinator, which runs
in the same process, tags the run with the name and with a signature over the run's id and the name. A tag that was
typed into the launchpad, came along with a re-execution, or was copied from another run has no valid signature.
The command line tags its runs in the same way, with the name of who is at the terminal.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import dagster as dg

from shopsight.errors import ShopsightError
from shopsight.key_files import key_of
from shopsight.settings import Settings

PERSON_IN_SCOPE: Final = "shopsight.person"
"""Where the gateway leaves the name in the ASGI scope of a request: no header reaches it, so no client can set it."""

READ_ONLY_IN_SCOPE: Final = "shopsight.read_only"
"""Where the gateway leaves whether that person may look alone."""

USER_TAG: Final = "shopsight/user"
"""Tag of a run: who launched it from the web UI."""

SIGNATURE_TAG: Final = "shopsight/user_signature"
"""Tag of a run: what proves :data:`USER_TAG`."""


DECIDING_JOBS: Final = (
    "approve_candidate",
    "reject_candidate",
    "release_candidate",
    "rollback_champion",
    "start_experiment",
    "stop_experiment",
)
"""Jobs in which a person decides. Their runs wait for no other: a rollback is not to queue behind two trainings."""


class UnattributedRunError(ShopsightError):
    """A run that decides about a model, and nothing proves who launched it."""


class AttributingRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue, which notes on a run who launched it where a logged-in person did, and lets some runs past."""

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag the run, then queue it; where a person decides in it, launch it at once."""
        source = getattr(context.workspace, "source", None)
        person = getattr(source, "scope", {}).get(PERSON_IN_SCOPE)
        if person:
            run_id = context.dagster_run.run_id
            self._instance.add_run_tags(run_id, signed_tags(Settings(), run_id, person))
            if context.dagster_run.job_name in DECIDING_JOBS:
                return self._instance.launch_run(run_id, context.workspace)
        return super().submit_run(context)


def signed_tags(settings: Settings, run_id: str, person: str) -> dict[str, str]:
    """Return the tags that say who launched a run."""
    return {USER_TAG: person, SIGNATURE_TAG: _signature(settings, run_id, person)}


def person_of_run(settings: Settings, run_id: str, tags: Mapping[str, str]) -> str:
    """Return who launched a run from the web UI.

    Raises:
        UnattributedRunError: nobody did who was logged in, or the tags are not of this run.
    """
    person, signature = tags.get(USER_TAG, ""), tags.get(SIGNATURE_TAG, "")
    if person and hmac.compare_digest(signature.encode(), _signature(settings, run_id, person).encode()):
        return person
    raise UnattributedRunError(
        "nothing is decided",
        why=f"the tag {USER_TAG} of this run is not this run's: {person} may have launched another"
        if person
        else "no logged-in person launched this run, so nobody answers for it",
        fix="launch it from the web UI that `make up` serves, or use the command line",
    )


def launcher_of_run(settings: Settings, run_id: str, tags: Mapping[str, str]) -> str | None:
    """As :func:`person_of_run`; ``None`` where a schedule launched the run, or nobody who is known."""
    try:
        return person_of_run(settings, run_id, tags)
    except UnattributedRunError:
        return None


def _signature(settings: Settings, run_id: str, person: str) -> str:
    key = key_of(settings.keys_dir / "signing.key")
    return hmac.new(key, f"run\0{run_id}\0{person}".encode(), hashlib.sha256).hexdigest()
