"""What waits for a decision, on a page of the web UI."""

import hashlib
import json

import dagster as dg

from orchestration.metadata import OWNER
from orchestration.waiting import Waiting, table, waiting_candidates
from shopsight.clock import utc_now
from shopsight.families import FAMILIES
from shopsight.settings import Settings

LIST_SHOWN = "shown"
"""Metadata: what stands for the list, so that a list that says the same is not made again."""


@dg.asset(
    group_name="models/promotion",
    kinds={"python"},
    owners=[OWNER],
    deps=[f"{family}_{stage}" for family in FAMILIES for stage in ("evaluation", "champion")],
)
def waiting_approvals(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """Candidates that wait for a decision: for whom, since when, how long their verdict holds, and the forms to decide.

    A sensor makes it anew whenever the list changes. `shopsight waiting` prints the same.
    """
    now = utc_now()
    waiting = waiting_candidates(settings, now)
    return dg.MaterializeResult(
        metadata={
            "waiting": dg.MetadataValue.md(table(settings, waiting, now)),
            "candidates": len(waiting),
            "have to be judged anew": sum(one.state == "has to be judged anew" for one in waiting),
            "who may decide": str(settings.approvers_path) if settings.approvers_path.exists() else "whoever is let in",
            LIST_SHOWN: fingerprint(waiting),
        }
    )


def fingerprint(waiting: list[Waiting]) -> str:
    """Return what changes when the list says something else; its ages do not count."""
    content = [[one.family, one.version, one.state, one.why, one.people, one.verdict, one.serves] for one in waiting]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
