"""How a query that is being typed may go on: queries that led to an item, categories, brands and items."""

from collections.abc import Iterator
from typing import Final

from models.search.predict import SearchEngine
from models.search.words import plain_words
from serving.search.schemas import Suggestion

SEPARATOR: Final = " > "
MAX_OF_A_KIND: Final = 4


class Suggester:
    """Suggestions over the items of one moment."""

    def __init__(self, engine: SearchEngine) -> None:
        catalogue = engine.catalogue
        counts: dict[tuple[str, str], float] = {}
        for place, (category, brand) in enumerate(zip(catalogue.categories, catalogue.brands, strict=True)):
            if not catalogue.listed[place]:
                continue
            for kind, name in (("category", category), ("brand", brand)):
                if name:
                    text = name.split(SEPARATOR)[-1] if kind == "category" else name
                    counts[(kind, text)] = counts.get((kind, text), 0.0) + 1.0
        # The most frequent of a kind first; queries by their clicks.
        phrases = sorted(engine.memory.phrases.items(), key=lambda pair: (-pair[1], pair[0]))
        self._entries: list[tuple[str, str, str | None]] = [("query", text, None) for text, _ in phrases]
        self._entries += [(kind, text, None) for (kind, text), _ in sorted(counts.items(), key=lambda p: (-p[1], p[0]))]
        self._engine = engine
        order = sorted(range(len(catalogue)), key=lambda place: -float(engine.demand[place, 0]))
        self._items = [place for place in order if catalogue.available[place] and catalogue.titles[place]]

    def suggest(self, typed: str, *, count: int) -> list[Suggestion]:
        """Return what begins, in some word, with what was typed: each of its words begins a word of the suggestion."""
        asked = plain_words(typed)
        taken: dict[str, int] = {}
        seen: set[str] = set()
        suggestions: list[Suggestion] = []
        for kind, text, item_id in self._all():
            if len(suggestions) == count:
                break
            if taken.get(kind, 0) >= MAX_OF_A_KIND or text.casefold() in seen or not _begins(asked, text):
                continue
            taken[kind] = taken.get(kind, 0) + 1
            seen.add(text.casefold())
            suggestions.append({"text": text, "kind": kind, "item_id": item_id})  # type: ignore[typeddict-item]
        return suggestions

    def _all(self) -> Iterator[tuple[str, str, str | None]]:
        yield from self._entries
        catalogue = self._engine.catalogue
        for place in self._items:
            yield "item", str(catalogue.titles[place]), catalogue.item_ids[place]


def _begins(asked: list[str], text: str) -> bool:
    words = plain_words(text)
    return all(any(word.startswith(start) for word in words) for start in asked)
