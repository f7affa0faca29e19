"""The training table: a row for each shopper on the list of a launched campaign, those held out by lot included.

Shapes: R rows, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.tabular.errors import BadTrainingTableError
from models.uplift.trial import Floats, Trial
from shopsight.families import ACTION_USER_FEATURES

NOTHING: Final = "nothing"
ACTIONS: Final = ("reminder", "offer", "replenishment", "new_category", "help")
"""What can be done beside nothing."""
FEATURES: Final = ACTION_USER_FEATURES
"""What effects are learnt from; age band and gender are not among them, nor is anything else that is protected."""
AGE: Final = "state_age_days"
"""Days from the shopper's last active day, which the features describe, to the moment of the decision."""
SINCE: Final = ("days_since_first_event", "days_since_last_event", "days_since_last_order")
"""Features that grow while nothing happens."""
OUTCOMES: Final[Mapping[str, pa.DataType]] = {
    "campaign": pa.string(),
    "action": pa.string(),
    "is_sent": pa.bool_(),
    "chance_sent": pa.float64(),
    "ordered": pa.bool_(),
    "order_margin": pa.float64(),
    "message_cost": pa.float64(),
    "discount": pa.float64(),
}
"""What came of each row, and what it cost: columns of the labels beside user and moment."""


@dataclass(frozen=True, kw_only=True)
class ActionRows:
    """Rows of campaigns."""

    users: NDArray[np.object_]
    features_RF: Floats
    action: NDArray[np.object_]
    campaign: NDArray[np.object_]
    sent: NDArray[np.bool_]
    chance: Floats
    """With which chance the row was sent what it is a row of."""
    ordered: Floats
    """1 where an order came within the horizon."""
    margin: Floats
    """Money that an order leaves, of the row's campaign."""
    message_cost: Floats
    discount: Floats
    """Money off each order of who was sent it."""
    groups: Mapping[str, NDArray[np.object_]]
    """Age band and gender, for the gaps between groups alone."""

    def __len__(self) -> int:
        return len(self.users)

    def take(self, chosen: NDArray[Any]) -> "ActionRows":
        """Return some of the rows."""
        columns = {name: column[chosen] for name, column in vars(self).items() if name != "groups"}
        return ActionRows(groups={name: column[chosen] for name, column in self.groups.items()}, **columns)

    def trial(self) -> Trial:
        """Return the rows, of one action, as a trial of two arms: held out, and sent."""
        return Trial(
            features_RF=self.features_RF,
            arm_R=self.sent.astype(np.intp),
            outcome_R=self.ordered,
            chance_RK=np.stack([1 - self.chance, self.chance], axis=1),
            shopper_R=self.shoppers(),
        )

    def shoppers(self) -> NDArray[np.intp]:
        """Return the number of each row's shopper: campaigns reach one again and again."""
        return np.unique(self.users.astype(str), return_inverse=True)[1].astype(np.intp)

    def folds(self, count: int, *, seed: int) -> NDArray[np.intp]:
        """Return the fold of each row; all rows of a shopper are in one."""
        number = self.shoppers()
        drawn = np.random.default_rng(seed).permutation(int(number.max(initial=-1)) + 1)
        return np.asarray(drawn[number] % count, dtype=np.intp)


def action_rows(table: pa.Table) -> ActionRows:
    """Read the training table.

    Raises:
        BadTrainingTableError: a column is missing, or an action is none that is known.
    """
    missing = [name for name in ("user_id", *FEATURES, AGE, *OUTCOMES) if name not in table.column_names]
    if missing:
        raise BadTrainingTableError(
            f"the training table lacks {', '.join(missing)}",
            why="it was written by another version",
            fix="materialise `next_best_action_training_set`",
        )
    columns = {name: table[name].to_pylist() for name in ("user_id", "campaign", "action")}
    if unknown := sorted(set(columns["action"]) - set(ACTIONS)):
        raise BadTrainingTableError(
            f"no action is called {', '.join(unknown)}",
            why=f"there are {', '.join(ACTIONS)}",
            fix="mend `campaigns.yml`",
        )
    numbers = {name: _floats(table[name]) for name in (*OUTCOMES, *FEATURES, AGE) if name not in columns}
    return ActionRows(
        users=_objects(columns["user_id"]),
        features_RF=features_of({name: numbers[name] for name in FEATURES}, numbers[AGE]),
        action=_objects(columns["action"]),
        campaign=_objects(columns["campaign"]),
        sent=numbers["is_sent"] > 0,
        chance=numbers["chance_sent"],
        ordered=numbers["ordered"],
        margin=numbers["order_margin"],
        message_cost=numbers["message_cost"],
        discount=numbers["discount"],
        groups={
            name: _objects(table[name].to_pylist()) for name in ("age_band", "gender") if name in table.column_names
        },
    )


def features_of(columns: Mapping[str, Sequence[float | None] | Floats], age_days: Floats) -> Floats:
    """Return what effects are learnt from, as of the moment of the decision, shape (R, F).

    Args:
        columns: :data:`FEATURES`, as of each shopper's last active day; None or ``nan`` where missing.
        age_days: from that day to the moment.
    """
    values = [np.array(columns[name], dtype=np.float64) for name in FEATURES]
    return np.stack(
        [value + age_days if name in SINCE else value for name, value in zip(FEATURES, values, strict=True)], axis=1
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.array(column.cast(pa.float64()).to_pylist(), dtype=np.float64)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    return np.array(values, dtype=np.object_)
