"""The ``interactions`` and ``items`` marts as arrays, and the protocol that the recommender is judged by.

A window of time starts at a cutoff. Models see only what happened before the cutoff; within the window every first
contact of a user with an item is a target, to be ranked from all that the user did strictly before that moment.

Shapes: E interactions, U users, N items, A attributes of an item.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.columns import encode
from models.recommender.history import BEHAVIOUR_CODES, BEHAVIOURS, History
from shopsight.contracts import HISTORY_LENGTH
from shopsight.errors import ShopsightError

Ints = NDArray[np.int64]


class UnknownBehaviourError(ShopsightError):
    """The interactions hold an event name that the recommender does not know."""


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Interactions sorted by user and time; users and items are codes, items into ``item_ids``."""

    item_ids: NDArray[np.object_]
    """The catalogue, shape (N,), sorted: the code of an item is its place here."""
    users_E: Ints
    items_E: Ints
    behaviours_E: Ints
    times_E: NDArray[np.float64]
    """Seconds since 1970 UTC."""

    @classmethod
    def from_tables(cls, interactions: pa.Table, items: pa.Table | None = None) -> "Interactions":
        """Read the marts; the catalogue is every item of ``items`` and of ``interactions``.

        Raises:
            UnknownBehaviourError: an ``event_name`` is none of :data:`BEHAVIOURS`.
        """
        behaviours = encode(interactions["event_name"])
        if unknown := sorted(set(behaviours.names) - set(BEHAVIOURS)):
            raise UnknownBehaviourError(
                f"The interactions contain {', '.join(map(repr, unknown))}.",
                why=f"the recommender knows only {', '.join(BEHAVIOURS)}",
                fix="map the event in the interactions mart, or add it to models/recommender/history.py",
            )
        codes_of_names = np.array([BEHAVIOUR_CODES[name] for name in behaviours.names], dtype=np.int64)
        seen, users_E = encode(interactions["item_id"]), encode(interactions["user_id"]).places
        listed = items["item_id"].to_numpy() if items is not None else seen.names[:0]
        item_ids = np.unique(np.concatenate([seen.names, listed]).astype(object))
        times_E = pc.cast(interactions["event_timestamp"], pa.int64()).to_numpy() / 1e6
        order = np.lexsort((interactions["nth"].to_numpy(), times_E, users_E))
        return cls(
            item_ids=item_ids,
            users_E=users_E[order],
            items_E=np.searchsorted(item_ids, seen.names).astype(np.int64)[seen.places][order],
            behaviours_E=codes_of_names[behaviours.places][order],
            times_E=times_E[order],
        )

    def __len__(self) -> int:
        return len(self.users_E)

    @property
    def items(self) -> int:
        """Number of items N in the catalogue."""
        return len(self.item_ids)

    def quantile_time(self, quantile: float) -> float:
        """Return the time before which this share of the interactions happened."""
        return float(np.quantile(self.times_E, quantile))

    def before(self, cutoff: float) -> "Interactions":
        """Return what happened before ``cutoff``, with a catalogue of the items that had users by then."""
        early = self.times_E < cutoff
        items_N, items_E = np.unique(self.items_E[early], return_inverse=True)
        return Interactions(
            item_ids=self.item_ids[items_N],
            users_E=self.users_E[early],
            items_E=items_E.astype(np.int64),
            behaviours_E=self.behaviours_E[early],
            times_E=self.times_E[early],
        )

    def user_slices(self) -> list[slice]:
        """Return where each user's interactions are."""
        starts = np.flatnonzero(np.diff(self.users_E, prepend=-1))
        ends = np.append(starts[1:], len(self.users_E))
        return [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]

    def first_contacts(self) -> NDArray[np.bool_]:
        """Return which interactions are a user's first with the item, shape (E,)."""
        pairs = self.users_E * max(self.items, 1) + self.items_E
        first = np.zeros(len(self), dtype=np.bool_)
        first[np.unique(pairs, return_index=True)[1]] = True
        return first

    def distinct_users_per_item(self) -> Ints:
        """Return how many users interacted with each item, shape (N,)."""
        return np.bincount(self.items_E[self.first_contacts()], minlength=self.items)


@dataclass(frozen=True)
class Case:
    """One target to be ranked: all codes are those of the catalogue known at the cutoff."""

    user: int
    target: int
    history: History
    """The newest :data:`HISTORY_LENGTH` interactions strictly before the target with items of the catalogue."""
    seen: Ints
    """Every item of the catalogue that the user interacted with before the target: masked in the ranking."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the models may learn from, and what they are asked."""

    train: Interactions
    cases: list[Case]
    counts: Mapping[str, int]
    """Targets that are ``measured``, ``cold`` (item unknown at the cutoff), ``without_history``, ``over_the_cap``."""


def window(
    interactions: Interactions,
    *,
    start: float,
    end: float,
    max_targets_per_user: int,
    max_targets: int,
    max_users: int,
    seed: int,
) -> Window:
    """Return the window of targets in ``[start, end)``, with models frozen at ``start``.

    Of more users than ``max_users`` a seeded sample is measured; of more targets than ``max_targets``, fewer of each
    user's, because the interval narrows with users and hardly with targets.

    Histories are cut at interactions strictly earlier than the target: items of one order share a time, and their
    written order is not a sequence anyone could have observed.
    """
    train = interactions.before(start)
    codes_N = np.full(interactions.items, -1, dtype=np.int64)
    codes_N[np.unique(interactions.items_E[interactions.times_E < start])] = np.arange(train.items)
    codes_E = codes_N[interactions.items_E]
    users_E, times_E = interactions.users_E, interactions.times_E
    within_E = interactions.first_contacts() & (times_E >= start) & (times_E < end)
    known_E = codes_E >= 0
    eligible_E = within_E & known_E & (_first_times(users_E, times_E, known_E) < times_E)
    counts = {
        "measured": 0,
        "cold": int((within_E & ~known_E).sum()),
        "without_history": int((within_E & known_E & ~eligible_E).sum()),
        "over_the_cap": 0,
    }
    rows = np.flatnonzero(eligible_E)
    users, firsts = np.unique(users_E[rows], return_index=True)
    rows_of = np.split(rows, firsts[1:])
    measured = np.arange(len(users))
    if len(users) > max_users:
        measured = np.sort(np.random.default_rng(seed).choice(len(users), max_users, replace=False))
    each = min(max_targets_per_user, max(max_targets // max(len(measured), 1), 1))
    cases: list[Case] = []
    for user in measured:
        first = int(np.searchsorted(users_E, users[user]))
        for row in rows_of[user][-each:]:
            earlier = slice(first, first + int(np.searchsorted(times_E[first:row], times_E[row], side="left")))
            in_catalogue = known_E[earlier]
            items = codes_E[earlier][in_catalogue]
            history = History(items, interactions.behaviours_E[earlier][in_catalogue]).last(HISTORY_LENGTH)
            cases.append(Case(int(user), int(codes_E[row]), history, np.unique(items)))
    over = len(rows) - len(cases)
    return Window(train=train, cases=cases, counts=counts | {"measured": len(cases), "over_the_cap": over})


def _first_times(users_E: Ints, times_E: NDArray[np.float64], known_E: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return when the user of each interaction first had an item that is known, shape (E,); never: infinity."""
    first_U = np.full(int(users_E.max(initial=-1)) + 1, np.inf)
    users, rows = np.unique(users_E[known_E], return_index=True)
    first_U[users] = times_E[known_E][rows]
    return first_U[users_E]


def item_attributes(items: pa.Table | None, item_ids: NDArray[np.object_]) -> Ints:
    """Return each item's attribute codes, shape (N, A).

    An item has one attribute per level of its category path (``Shoes``, ``Shoes > Running``) and one for its brand;
    codes start at 1, in the order of :func:`attribute_names`, and 0 is padding.
    """
    wanted = _attributes_of(items, item_ids)
    codes = {name: code for code, name in enumerate(attribute_names(items, item_ids), start=1)}
    attributes_NA = np.zeros((len(wanted), max(map(len, wanted), default=1) or 1), dtype=np.int64)
    for row, names in enumerate(wanted):
        attributes_NA[row, : len(names)] = [codes[name] for name in names]
    return attributes_NA


def attribute_names(items: pa.Table | None, item_ids: NDArray[np.object_]) -> list[str]:
    """Return the attributes of the items, sorted."""
    return sorted({name for names in _attributes_of(items, item_ids) for name in names})


def _attributes_of(items: pa.Table | None, item_ids: NDArray[np.object_]) -> list[list[str]]:
    names_of: dict[str, list[str]] = {}
    if items is not None:
        columns = (items[name].to_pylist() for name in ("item_id", "category", "brand"))
        for item_id, category, brand in zip(*columns, strict=True):
            levels = category.split(" > ") if category else []
            paths = [f"category:{' > '.join(levels[: depth + 1])}" for depth in range(min(len(levels), 4))]
            names_of[item_id] = paths + ([f"brand:{brand}"] if brand else [])
    return [names_of.get(item_id, []) for item_id in item_ids]
