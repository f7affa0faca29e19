"""What came of the lists of a version under release, beside the champion's of the same time: do fewer lead to a click?

It is told by shopper, at every look anew, with intervals that hold at all looks together
(:mod:`models.evaluation.experiments.sequential`). What was shown so lately that a click may still come is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np

from models.evaluation.experiments.moments import Moments
from models.evaluation.experiments.sequential import MIN_SHOPPERS, MIN_VALUES, difference
from serving.feedback.feedback import LIST_FEEDBACK, SHOWN_LISTS
from shopsight.marts import export_path, open_duckdb
from shopsight.settings import Settings

BY_SHOPPER: Final = """
    with lists as (
        select
            feedback.recommendation_id,
            any_value(feedback.model_version) as version,
            any_value(coalesce(shown.user_id, shown.session_id)) as shopper,
            max(feedback.clicks > 0) as was_clicked,
            max(feedback.orders > 0) as was_ordered
        from read_parquet($feedback) as feedback
        inner join read_parquet($shown) as shown
            on feedback.recommendation_id = shown.recommendation_id and feedback.position = shown.position
        where
            feedback.is_complete
            and feedback.answered_at >= $since
            and feedback.model_version in ($version, $champion)
        group by all
    )
    select version, avg(was_clicked::int) as clicked, avg(was_ordered::int) as ordered
    from lists
    where shopper is not null
    group by version, shopper
"""
PLANNED: Final = 2_000
"""Shoppers with whom the intervals are narrowest."""
Status = Literal["worse", "kept", "open", "not_enough_yet"]


@dataclass(frozen=True, kw_only=True)
class ReleasedLists:
    """What can be said of a version's lists so far."""

    status: Status
    """``kept``: it surely loses no more than is allowed; ``open``: nothing is sure yet."""
    sentence: str


def released_lists(
    settings: Settings, *, version: str, champion: str, since: datetime, worst: float, alpha: float
) -> ReleasedLists:
    """Compare the lists of both versions.

    Args:
        settings: of the home.
        version: under release.
        champion: what answers the others.
        since: the step began.
        worst: share of the champion's lists with a click, or with an order, that may be lost.
        alpha: chance that a version that loses no more is ever called worse.
    """
    paths = [export_path(settings, name) for name in (LIST_FEEDBACK, SHOWN_LISTS)]
    if not all(path.exists() for path in paths):
        return ReleasedLists(status="not_enough_yet", sentence="not enough yet: no feedback was made (`list_feedback`)")
    with open_duckdb() as connection:
        rows = connection.execute(
            BY_SHOPPER,
            {
                "feedback": str(paths[0]),
                "shown": str(paths[1]),
                "since": since,
                "version": version,
                "champion": champion,
            },
        ).fetchnumpy()
    findings = [_finding(rows, what, version, worst, alpha / 2) for what in ("clicked", "ordered")]
    order: list[Status] = ["worse", "kept", "open", "not_enough_yet"]
    return ReleasedLists(
        status=min((one.status for one in findings), key=order.index),
        sentence="; ".join(one.sentence for one in findings),
    )


def _finding(rows: Mapping[str, Any], what: str, version: str, worst: float, alpha: float) -> ReleasedLists:
    values, versions = np.asarray(rows[what], np.float64), np.asarray(rows["version"])
    ours, theirs = values[versions == version], values[versions != version]
    hits = int(np.count_nonzero(ours) + np.count_nonzero(theirs))
    if min(len(ours), len(theirs)) < MIN_SHOPPERS or hits < MIN_VALUES:
        return ReleasedLists(
            status="not_enough_yet",
            sentence=f"lists that were {what}: not enough yet, {len(ours):,} shoppers of the version and "
            f"{len(theirs):,} of the champion, {hits:,} with any ({MIN_SHOPPERS} of each and {MIN_VALUES} are needed)",
        )
    before, after = (Moments.of(one, np.zeros_like(one)) for one in (theirs, ours))
    over = difference(before, after, planned=PLANNED, alpha=alpha, of_control=1 - worst, cuped=False)
    status: Status = "worse" if over.high < 0 else "kept" if over.low > 0 else "open"
    means = f"{float(after.mean):.2%} of {len(ours):,} shoppers against {float(before.mean):.2%} of {len(theirs):,}"
    said = {"worse": f"more than {worst:.0%} are lost", "kept": f"at most {worst:.0%} are lost"}
    return ReleasedLists(
        status=status, sentence=f"lists that were {what}: {means}: {said.get(status, 'nothing is sure yet')}"
    )
