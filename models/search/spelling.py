"""Words that no item has, put right by the nearest word that one does have."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import tantivy

from models.search.words import plain_words
from models.text.normalise import has_cjk

MIN_LETTERS: Final = 4
"""Shorter words have too many neighbours."""
TWO_MISTAKES_FROM: Final = 8
"""Letters from which on a word may be two mistakes away."""
_NEIGHBOURS: Final = 20


class Spelling:
    """The words of the catalogue and of clicked queries, searchable by how they are misspelt."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Read the words of ``texts``: each item's title, category and brand, and queries that led to an item."""
        self._counts = Counter(word for text in texts for word in plain_words(text))
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("word", stored=True, tokenizer_name="raw", index_option="basic")
        self._schema = builder.build()
        index = tantivy.Index(self._schema)
        writer = index.writer(heap_size=20_000_000, num_threads=1)
        for word in self._counts:
            if len(word) >= MIN_LETTERS and word.isalpha() and not has_cjk(word):
                document = tantivy.Document()
                document.add_text("word", word)
                writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def corrected(self, query: str) -> str | None:
        """Return the query with its unheard-of words put right, or None where there is nothing to put right.

        A word is left alone where it occurs anywhere, has a digit or fewer than four letters, or has no neighbour one
        mistake away (two of a long word); swapped letters are one mistake. Of several neighbours the most frequent is
        taken.
        """
        asked = plain_words(query)
        put_right = [self._nearest(word) or word for word in asked]
        return " ".join(put_right) if put_right != asked else None

    def knows(self, word: str) -> bool:
        """Return whether a word occurs, in lower case."""
        return word in self._counts

    def _nearest(self, word: str) -> str | None:
        if len(word) < MIN_LETTERS or not word.isalpha() or has_cjk(word) or word in self._counts:
            return None
        if (word.endswith("s") and word[:-1] in self._counts) or f"{word}s" in self._counts:
            return None
        for mistakes in (1, 2) if len(word) >= TWO_MISTAKES_FROM else (1,):
            near = tantivy.Query.fuzzy_term_query(
                self._schema, "word", word, distance=mistakes, transposition_cost_one=True
            )
            hits = self._searcher.search(near, limit=_NEIGHBOURS, count=False).hits
            neighbours = [str(self._searcher.doc(address)["word"][0]) for _, address in hits]
            if neighbours:
                # A first letter is seldom wrong.
                return max(neighbours, key=lambda one: (one[0] == word[0], self._counts[one], one))
        return None
