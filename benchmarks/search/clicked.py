"""Search sessions with clicks: what the product learns of them with places corrected, and without.

Half of the sessions teach, the other half judge. What is wanted is told from the judging half alone, and only of items
that stood at many places there: the share of clicks at each place, averaged over places, so that no place counts more
than another and no examination has to be estimated. The engine is the product's, trained on the first half's clicks.
"""

import csv
import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.search.figures import as_figure, ndcg
from benchmarks.search.planted import trained
from models.evaluation.bootstrap import Estimate
from models.evaluation.position_bias import PositionBias, estimate_position_bias
from models.search.click_weights import click_weights
from models.search.train import SearchTables
from shopsight.errors import ShopsightError

MIN_PLACES: Final = 5
"""An item of which less is seen says nothing that its place does not."""
COLUMNS: Final = ("sess_id", "query", "rank", "clicked_doc_id", "clicked")
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Results that were shown: R of them."""

    query_R: NDArray[np.str_]
    item_R: NDArray[np.str_]
    place_R: NDArray[np.int64]
    """1 at the top."""
    clicked_R: NDArray[np.bool_]
    session_R: NDArray[np.int64]
    """Numbers from 0 on, of all files."""

    def only(self, chosen_R: NDArray[np.bool_]) -> "Sessions":
        """Return some of the rows."""
        return Sessions(**{name: column[chosen_R] for name, column in vars(self).items()})


def measure(paths: Sequence[Path], products: Path, *, seed: int, resamples: int = 500) -> dict[str, Any]:
    """Return the figures of some files of sessions.

    Args:
        paths: CSV(.gz) with the columns :data:`COLUMNS`; ``rank`` is 0 at the top.
        products: CSV(.gz), or the same in a TAR(.gz): ``upc``, ``name`` and, where there are any, ``manufacturer``,
            ``short_description``.
        seed: of the split, the trees and the bootstrap.
        resamples: of the bootstrap, over sessions.
    """
    sessions = read_sessions(paths)
    teaches = np.random.default_rng(seed).permutation(int(sessions.session_R.max()) + 1) % 2 == 0
    taught, judging = sessions.only(teaches[sessions.session_R]), sessions.only(~teaches[sessions.session_R])
    items = _items(products, set(sessions.item_R.tolist()))
    bias = _bias(taught)
    orders = {
        name: _order(items, taught, weights, seed=seed)
        for name, weights in (("corrected", bias), ("raw", PositionBias()))
    }
    as_shown = {query: _as_shown(taught, query) for query in orders["raw"]}
    examined = {str(place): round(one.value, 3) for place, one in bias.examination.items()}
    values = _values(judging, orders | {"as_shown": as_shown}, seed=seed, resamples=resamples)
    ahead = {name: values["corrected"] - values[name] for name in ("raw", "as_shown")}
    return {
        "ndcg@10": {name: as_figure(_interval(column)) for name, column in values.items()},
        "corrected_ahead_by": {name: as_figure(_interval(column)) for name, column in ahead.items()},
        "position_bias": bias.not_evaluable or examined,
        "queries": len(orders["raw"]),
        "sessions": {"taught": int(teaches.sum()), "judging": int((~teaches).sum())},
        "items": items.num_rows,
        "seed": seed,
    }


def read_sessions(paths: Sequence[Path]) -> Sessions:
    """Read the sessions of several files.

    Raises:
        ShopsightError: a file lacks a column, or has no row.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ("query", "item", "place", "clicked", "session")}
    numbers: dict[tuple[int, str], int] = {}
    for number, path in enumerate(paths):
        for row in _rows(path, COLUMNS):
            columns["query"].append(row["query"])
            columns["item"].append(_barcode(row["clicked_doc_id"]))
            columns["place"].append(int(float(row["rank"])) + 1)
            columns["clicked"].append(row["clicked"].strip().lower() in ("true", "1"))
            columns["session"].append(numbers.setdefault((number, row["sess_id"]), len(numbers)))
    return Sessions(
        query_R=np.array(columns["query"]),
        item_R=np.array(columns["item"]),
        place_R=np.array(columns["place"], dtype=np.int64),
        clicked_R=np.array(columns["clicked"], dtype=np.bool_),
        session_R=np.array(columns["session"], dtype=np.int64),
    )


def _rows(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    with _text(path) as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ShopsightError(
                f"{path.name} lacks {', '.join(missing)}",
                why=f"its columns are {', '.join(reader.fieldnames or ()) or 'none'}",
                fix=f"give a CSV with the columns {', '.join(needed)}",
            )
        yield from reader


def _text(path: Path) -> io.TextIOBase:
    if path.name.endswith((".tgz", ".tar.gz", ".tar")):
        with tarfile.open(path) as archive:
            member = next(one for one in archive if one.isfile() and one.name.endswith(".csv"))
            content = archive.extractfile(member)
            assert content is not None
            return io.StringIO(content.read().decode("utf-8", "replace"))
    return gzip.open(path, "rt", encoding="utf-8") if path.name.endswith(".gz") else path.open(encoding="utf-8")


def _barcode(text: str) -> str:
    """Return a barcode as numbers have it: files disagree on leading zeros."""
    return text.strip().lstrip("0")


def _items(products: Path, item_ids: set[str]) -> pa.Table:
    """Return the shown items as the mart ``items`` has them; what the catalogue lacks has no text."""
    rows = {code: row for row in _rows(products, ("upc", "name")) if (code := _barcode(row["upc"])) in item_ids}
    return pa.Table.from_pylist(
        [
            {
                "item_id": item,
                "title": rows.get(item, {}).get("name", "").strip() or item,
                "description": rows.get(item, {}).get("short_description", "").strip(),
                "category": None,
                "brand": rows.get(item, {}).get("manufacturer", "").strip() or None,
                "price": 1.0,
                "is_available": True,
                "is_listed": True,
            }
            for item in sorted(item_ids)
        ]
    )


def _bias(sessions: Sessions) -> PositionBias:
    pairs = [f"{query}\x1f{item}" for query, item in zip(sessions.query_R, sessions.item_R, strict=True)]
    names, pair_R = np.unique(pairs, return_inverse=True)
    width = int(sessions.place_R.max()) + 1
    cells, cell_R = np.unique(pair_R * width + sessions.place_R, return_inverse=True)
    clicks = np.bincount(cell_R, weights=sessions.clicked_R).astype(np.int64)
    return estimate_position_bias(
        names[cells // width].tolist(), (cells % width).tolist(), np.bincount(cell_R).tolist(), clicks.tolist()
    )


def _order(items: pa.Table, sessions: Sessions, bias: PositionBias, *, seed: int) -> dict[str, list[str]]:
    """Return the items in the order of the engine that is trained on the sessions' clicks, by query."""
    clicked = np.flatnonzero(sessions.clicked_R)
    clicked = clicked[np.argsort(np.random.default_rng(seed).permutation(len(clicked)))]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    searches = pa.table(
        {
            "event_timestamp": pa.array(
                [start + timedelta(seconds=number) for number in range(len(clicked))], pa.timestamp("us", "UTC")
            ),
            "query": sessions.query_R[clicked].tolist(),
            "clicked_item_id": sessions.item_R[clicked].tolist(),
            "user_id": pa.nulls(len(clicked), pa.string()),
            "weight": click_weights(sessions.place_R[clicked].tolist(), bias),
        }
    )
    day = pa.array([start.date()])
    demand = pa.table({"item_id": [items["item_id"][0].as_py()], "event_date": day, "views": [0], "purchases": [0]})
    no_one = pa.table({"user_id": ["nobody"], "event_timestamp": searches["event_timestamp"].slice(0, 1),
                       "item_id": [items["item_id"][0].as_py()]})  # fmt: skip
    engine = trained(SearchTables(searches=searches, items=items, demand=demand, interactions=no_one), "medium", seed)
    return {
        query: [engine.catalogue.item_ids[place] for place in engine.search(query, num_results=items.num_rows).places]
        for query in np.unique(sessions.query_R).tolist()
    }


def _as_shown(sessions: Sessions, query: str) -> list[str]:
    """Return a query's items by the place that each stood at most often."""
    of_query = sessions.query_R == query
    items, item_R = np.unique(sessions.item_R[of_query], return_inverse=True)
    places = [float(np.median(sessions.place_R[of_query][item_R == number])) for number in range(len(items))]
    return [str(items[number]) for number in np.argsort(places, kind="stable")]


def _values(
    judging: Sessions, orders: Mapping[str, Mapping[str, Sequence[str]]], *, seed: int, resamples: int
) -> dict[str, Floats]:
    """Return the mean NDCG@10 over the queries of each contender: first of all sessions, then of each resample."""
    rng = np.random.default_rng(seed)
    numbers, session_R = np.unique(judging.session_R, return_inverse=True)
    draws: dict[str, list[float]] = {name: [] for name in orders}
    queries = {query: _Cells.of(judging, query) for query in np.unique(judging.query_R).tolist()}
    for draw in range(resamples + 1):
        times = np.bincount(rng.integers(0, len(numbers), len(numbers)), minlength=len(numbers))
        times_R = np.ones(len(session_R)) if draw == 0 else times[session_R].astype(np.float64)
        values: dict[str, list[float]] = {name: [] for name in orders}
        for query, cells in queries.items():
            wanted = cells.wanted(times_R)
            for name, of_query in orders.items():
                gains = np.array([wanted[item] for item in of_query[query] if item in wanted])
                values[name].append(ndcg(gains, np.array(list(wanted.values()))))
        for name, column in values.items():
            draws[name].append(float(np.mean(column)))
    return {name: np.array(column) for name, column in draws.items()}


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """One query's rows, by item and place."""

    rows: NDArray[np.int64]
    clicked: Floats
    items: NDArray[np.str_]
    item: NDArray[np.int64]
    place: NDArray[np.int64]
    shape: tuple[int, int]

    @classmethod
    def of(cls, sessions: Sessions, query: str) -> "_Cells":
        rows = np.flatnonzero(sessions.query_R == query)
        items, item = np.unique(sessions.item_R[rows], return_inverse=True)
        place = sessions.place_R[rows] - 1
        several = np.array([len(np.unique(place[item == number])) >= MIN_PLACES for number in range(len(items))])
        chosen = several[item]
        numbers = np.cumsum(several) - 1
        return cls(
            rows=rows[chosen],
            clicked=sessions.clicked_R[rows[chosen]].astype(np.float64),
            items=items[several],
            item=numbers[item[chosen]],
            place=place[chosen],
            shape=(int(several.sum()), int(place.max()) + 1),
        )

    def wanted(self, times_R: Floats) -> dict[str, float]:
        """Return each item's share of clicks at a place, averaged over the places that it stood at."""
        times = times_R[self.rows]
        cell = np.ravel_multi_index((self.item, self.place), self.shape)
        size = self.shape[0] * self.shape[1]
        impressions = np.bincount(cell, weights=times, minlength=size).reshape(self.shape)
        clicks = np.bincount(cell, weights=times * self.clicked, minlength=size).reshape(self.shape)
        rates = np.divide(clicks, impressions, out=np.full(self.shape, np.nan), where=impressions > 0)
        return dict(zip(self.items.tolist(), np.nanmean(rates, axis=1).tolist(), strict=True))


def _interval(draws: Floats) -> Estimate:
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return Estimate(value=float(draws[0]), low=float(low), high=float(high))
