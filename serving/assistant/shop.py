"""The shop as the assistant knows it at the moment: read again where the warehouse, the pages or the words changed."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from models.assistant.assistant import Assistant
from models.assistant.graph import Item, ShopGraph
from models.assistant.policies import Policies
from models.assistant.words import Lexicon
from models.search.synonyms import NO_SYNONYMS
from serving.search.synonyms_file import read_synonyms
from shopsight.errors import ShopsightError
from shopsight.live_items import LiveItem, LiveItems
from shopsight.marts import MANIFEST, export_path, mart_exists, read_mart
from shopsight.settings import Settings
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 2.0
MARTS: Final = {"items": "items", "edges": "graph_edges", "summaries": "review_summary", "reviews": "reviews"}
MAX_PAGE_BYTES: Final = 1_000_000
"""Largest policy page that is read."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What is known of the shop, and the assistant that answers from it."""

    graph: ShopGraph
    lexicon: Lexicon
    policies: Policies


class ShopReader:
    """Called for the assistant of the shop as it is now."""

    def __init__(
        self,
        settings: Settings,
        *,
        make: Callable[[Shop], Assistant],
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the shop; what cannot be read is as nothing, and stands in :attr:`failure`."""
        self._settings = settings
        self._make = make
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._live = LiveItems(settings.live_items_path)
        self._in_force: FileVersion | None = None
        self._seen: object = None
        self._shop = Shop(graph=ShopGraph(()), lexicon=Lexicon(ShopGraph(())), policies=Policies({}))
        self._assistant = make(self._shop)
        self.failure: str | None = None
        """Why the shop as it is now is not in use; None while it is."""
        self._look_again = seconds_now() + LOOK_AGAIN_SECONDS
        self.look()

    @property
    def graph(self) -> ShopGraph:
        """What is known of the items."""
        return self._assistant.graph

    def __call__(self) -> Assistant:
        """Return the assistant; what was said of items since the last export holds at once."""
        if self._live.version() != self._in_force:
            with self._lock:
                self._compose()
        now = self._seconds_now()
        if now >= self._look_again:
            self._look_again = now + LOOK_AGAIN_SECONDS
            threading.Thread(target=self.look, name="reading the shop", daemon=True).start()
        return self._assistant

    def look(self) -> None:
        """Read the shop again where something changed."""
        seen = self._versions()
        if seen == self._seen:
            return
        try:
            shop = read_shop(self._settings)
        except (OSError, ValueError, KeyError, ShopsightError) as error:
            self.failure = f"the shop cannot be read, what was known stays in use: {error}"
            log.warning("%s", self.failure)
            return
        with self._lock:
            self._shop, self._seen, self.failure = shop, seen, None
            self._compose()

    def notes(self) -> list[str]:
        """Return what is missing, for ``/readyz``."""
        notes = [] if self.failure is None else [self.failure]
        if not self.graph.items:
            notes.append("no exported catalogue: `shopsight run` makes one")
        if not self._shop.policies.passages:
            notes.append(f"no policy pages: put Markdown into {self._settings.policies_dir}")
        return notes

    def _versions(self) -> object:
        pages = sorted(self._settings.policies_dir.rglob("*.md")) if self._settings.policies_dir.is_dir() else []
        files = [self._settings.exports_dir / MANIFEST, self._settings.synonyms_path, *pages]
        return [(path, version_of(path)) for path in files]

    def _compose(self) -> None:
        seen = self._live.version()
        try:
            said, self._in_force = self._live.read(), seen
        except OSError as error:
            self.failure = f"live items cannot be read, those of before stay in use: {error}"
            return
        shop = replace(self._shop, graph=with_live(self._shop.graph, said)) if said else self._shop
        self._assistant = self._make(shop)


def read_shop(settings: Settings) -> Shop:
    """Read the marts, the policy pages and the shop's words of a home; what is not there is empty."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, mart in MARTS.items():
        there = mart_exists(export_path(settings, mart))
        rows[name] = read_mart(settings, mart).to_pylist() if there else []
    graph = ShopGraph.of_rows(**rows)
    synonyms = read_synonyms(settings.synonyms_path) if settings.synonyms_path.exists() else NO_SYNONYMS
    return Shop(
        graph=graph,
        lexicon=Lexicon(graph, synonyms.groups),
        policies=Policies(read_pages(settings.policies_dir)),
    )


def read_pages(folder: Path) -> dict[str, str]:
    """Return the policy pages by their names in the folder, whatever characters they hold."""
    if not folder.is_dir():
        return {}
    paths = [path for path in sorted(folder.rglob("*.md")) if path.stat().st_size <= MAX_PAGE_BYTES]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in paths}


def with_live(graph: ShopGraph, said: Mapping[str, LiveItem]) -> ShopGraph:
    """Return the graph with what the shop has said of items since the warehouse was built."""
    changed = {item_id: _live_item(live, graph.items.get(item_id)) for item_id, live in said.items() if live.is_listed}
    return graph.with_items(changed, gone=[item_id for item_id, live in said.items() if not live.is_listed])


def _live_item(live: LiveItem, before: Item | None) -> Item:
    said = live.row.get("attributes") or {}
    attributes = {
        name: tuple(sorted(map(str, value if isinstance(value, list) else [value])))
        for name, value in (said.items() if isinstance(said, dict) else ())
    }
    return Item(
        item_id=live.item_id,
        title=live.title or live.item_id,
        description=live.description or "",
        category=live.category,
        brand=live.brand,
        price=live.price,
        currency=live.row.get("currency"),
        in_stock=live.is_available,
        attributes=attributes or (before.attributes if before else {}),
        stars=before.stars if before else None,
        ratings=before.ratings if before else 0,
    )
