"""Logs in the form of the Open Bandit Dataset: ``FOLDER/<policy>/<campaign>/<campaign>.csv[.gz]``.

Source: Y. Saito, S. Aihara, M. Matsutani, Y. Narita, "Open Bandit Dataset and Pipeline" (2021).

Shapes: R rounds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.evaluation.off_policy.rounds import Floats
from shopsight.errors import ShopsightError

COLUMNS: Final = ("item_id", "position", "click", "propensity_score")


@dataclass(frozen=True, kw_only=True)
class BanditLog:
    """What one policy showed in one campaign, in the order of time."""

    policy: str
    campaign: str
    item_R: NDArray[np.object_]
    """Items as the file names them."""
    position_R: NDArray[np.int64]
    click_R: Floats
    propensity_R: Floats

    def __len__(self) -> int:
        return len(self.click_R)

    @property
    def evenly(self) -> int | None:
        """Among how many items the policy chooses evenly; None where it has preferences."""
        chance = float(self.propensity_R[0])
        even = bool(np.allclose(self.propensity_R, chance, rtol=1e-6, atol=0))
        return round(1 / chance) if even and len(np.unique(self.item_R)) <= round(1 / chance) else None


def find_logs(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the file of each campaign of each policy, by the names of their folders.

    Raises:
        ShopsightError: there are no two policies.
    """
    if not folder.is_dir():
        raise ShopsightError(f"There is no folder {folder}.", why="--logs names it", fix="name the folder of the logs")
    files = {
        policy.name: {campaign.name: path for campaign in _folders(policy) if (path := _file(campaign)) is not None}
        for policy in _folders(folder)
    }
    files = {policy: campaigns for policy, campaigns in files.items() if campaigns}
    if len(files) < 2:
        raise ShopsightError(
            f"{folder} has logs of {len(files)} policies ({', '.join(files) or 'none'}).",
            why="one policy is told from the log of another: two are needed",
            fix="lay each log as <policy>/<campaign>/<campaign>.csv or .csv.gz",
        )
    return files


def read_log(path: Path, *, policy: str, campaign: str) -> BanditLog:
    """Read one file; columns are files by their names.

    Raises:
        ShopsightError: a column is missing, or holds what no log can.
    """
    there = list(pd.read_csv(path, nrows=0).columns)
    missing = [column for column in COLUMNS if column not in there]
    if missing:
        raise ShopsightError(
            f"{policy}/{campaign}/{path.name} has no column {', '.join(missing)}.",
            why=f"it has {', '.join(there[:8])}{', …' if len(there) > 8 else ''}",
            fix=f"name the columns {', '.join(COLUMNS)}",
        )
    wanted = [*COLUMNS, *(["timestamp"] if "timestamp" in there else [])]
    rows = pd.read_csv(path, usecols=wanted, dtype={"item_id": str, "timestamp": str})
    numbers = rows[["position", "click", "propensity_score"]].apply(pd.to_numeric, errors="coerce")
    chance = numbers["propensity_score"]
    wrong = {
        "item_id is empty": rows["item_id"].isna(),
        "position is no whole number": numbers["position"].isna() | (numbers["position"] % 1 != 0),
        "click is neither 0 nor 1": ~numbers["click"].isin([0, 1]),
        "propensity_score is not above 0 and at most 1": ~((chance > 0) & (chance <= 1)),
    }
    faults = [f"in {int(rows_.sum())} rows {what}" for what, rows_ in wrong.items() if rows_.any()]
    if faults or rows.empty:
        raise ShopsightError(
            f"{policy}/{campaign}/{path.name} cannot be read as a log.",
            why="; ".join(faults) or "it has no rows",
            fix="mend these rows: an estimate without them would be of other rounds",
        )
    if "timestamp" in rows:
        order = rows["timestamp"].argsort(kind="stable")
        rows, numbers = rows.iloc[order], numbers.iloc[order]
    return BanditLog(
        policy=policy,
        campaign=campaign,
        item_R=rows["item_id"].to_numpy(dtype=object),
        position_R=numbers["position"].to_numpy(dtype=np.int64),
        click_R=numbers["click"].to_numpy(dtype=np.float64),
        propensity_R=numbers["propensity_score"].to_numpy(dtype=np.float64),
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _file(campaign: Path) -> Path | None:
    """Return the file of a campaign: the one of its name, or else the only one that is not the items' own."""
    named = [path for end in (".csv", ".csv.gz") if (path := campaign / f"{campaign.name}{end}").is_file()]
    others = [
        path
        for path in sorted(campaign.iterdir())
        if path.name.endswith((".csv", ".csv.gz")) and not path.name.startswith((".", "item_context"))
    ]
    return named[0] if named else (others[0] if len(others) == 1 else None)
