"""What is written of campaigns: an append-only journal, and beside it each launch's assignment and list."""

import hashlib
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from models.campaigns.book import Campaign
from models.campaigns.launches import midnight, read_journal, read_launch
from shopsight.errors import ShopsightError
from shopsight.locking import exclusive
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from models.campaigns.plan import Past, Plan


def write_launch(settings: Settings, plan: "Plan", line: dict[str, Any], *, send_from: datetime) -> dict[str, Any]:
    """Write assignment and list, then the journal's line, which makes the launch one; return the line.

    Raises:
        ShopsightError: it was launched before.
    """
    folder = settings.campaigns_dir / plan.campaign.name
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.campaigns_dir / "journal.lock", what="a launch", wait_seconds=10):
        if any(one["name"] == plan.campaign.name for one in read_journal(settings)):
            raise ShopsightError(
                f"{plan.campaign.name} was launched before",
                why="a campaign is launched once: a second list would not be that of its hold-out",
                fix="give the next campaign a name of its own",
            )
        with replaced(folder / "assignment.parquet") as staging:
            plan.assigned.to_parquet(staging, index=False)
        sent = plan.assigned[~plan.assigned["held_out"]][["user_id", "offer"]]
        with replaced(folder / "list.csv") as staging:
            sent.assign(channel=plan.campaign.channel, send_from=send_from.isoformat()).to_csv(staging, index=False)
        digest = hashlib.sha256((folder / "assignment.parquet").read_bytes()).hexdigest()
        whole = {**line, "assignment_sha256": digest}
        with (settings.campaigns_dir / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps(whole, sort_keys=True, default=str) + "\n")
    return whole


def list_path(settings: Settings, name: str) -> Path:
    """Return where a launch's list is."""
    return settings.campaigns_dir / name / "list.csv"


def first_hour(settings: Settings, day: date, *, quiet_from: int, quiet_until: int) -> datetime:
    """Return the first moment of a day, or the next, at which something may be sent."""
    begin = midnight(settings, day)
    for hours in range(48):
        moment = begin + timedelta(hours=hours)
        hour = moment.astimezone(ZoneInfo(settings.zone)).hour
        across = quiet_from > quiet_until
        quiet = (hour >= quiet_from or hour < quiet_until) if across else quiet_from <= hour < quiet_until
        if not quiet:
            return moment
    return begin


def capped_shoppers(settings: Settings, day: date, *, max_campaigns: int, days: int) -> frozenset[str]:
    """Return who was sent as many campaigns in the days before as anybody may be."""
    from collections import Counter

    counts: Counter[str] = Counter()
    for line in read_journal(settings):
        begins = date.fromisoformat(line["campaign"]["starts"])
        if timedelta(0) <= day - begins <= timedelta(days=days):
            assigned = read_launch(settings, line["name"]).assigned
            counts.update(assigned["user_id"][~assigned["held_out"]])
    return frozenset(user for user, count in counts.items() if count >= max_campaigns)


def past_of(settings: Settings, campaign: Campaign, orders_of: Any) -> "Past | None":
    """Return what the campaigns that it learns from showed; None where it names none.

    Args:
        settings: where the journal is.
        campaign: names them.
        orders_of: gives the orders within a launch's days.

    Raises:
        ShopsightError: one of them was not launched, not by lot, with other offers, or its hold-out is broken.
    """
    import numpy as np

    from models.campaigns.audience import features_of
    from models.campaigns.plan import Past
    from models.uplift.trial import Trial

    parts, money = [], []
    names = [offer.name for offer in campaign.offers]
    for name in campaign.learn_from:
        launch = read_launch(settings, name)
        theirs = [offer.name for offer in launch.campaign.offers]
        if launch.line["chosen_by"] != "lot" or theirs != names or not launch.is_unchanged:
            raise ShopsightError(
                f"{campaign.name} cannot learn from {name}",
                why=f"that was chosen by {launch.line['chosen_by']}, offered {', '.join(theirs)}"
                + ("" if launch.is_unchanged else ", and its assignment was changed since"),
                fix="learn from a campaign by lot with the same offers in the same order",
            )
        rows = launch.assigned.merge(orders_of(launch.campaign), on="user_id", how="left", suffixes=("", "_within"))
        arm = np.where(rows["held_out"], 0, 1 + rows["offer"].map(names.index)).astype(np.intp)
        ordered = (rows["orders_within"].fillna(0) > 0).to_numpy(np.float64)
        chance = rows[[f"chance_{number}" for number in range(len(names) + 1)]].to_numpy(np.float64)
        parts.append((features_of(launch.assigned), arm, ordered, chance))
        money.append(rows["net_revenue"].dropna().astype(float))
    if not parts:
        return None
    features, arm, ordered, chance = (np.concatenate(column) for column in zip(*parts, strict=True))
    spent = np.concatenate(money)
    if ordered.sum() < 50 or min(np.bincount(arm, minlength=len(names) + 1)) < 50:
        raise ShopsightError(
            f"there is too little to learn from {', '.join(campaign.learn_from)}",
            why=f"{ordered.sum()} ordered, and the rarest arm has {min(np.bincount(arm))}: 50 are wanted",
            fix="wait until the campaign is over and `shopsight run` has read the orders, or leave learn_from out",
        )
    trial = Trial(
        features_RF=features, arm_R=arm, outcome_R=ordered.astype(np.float64), chance_RK=chance, categorical=(0,)
    )
    return Past(trial=trial, order_value=float(spent.mean()))
