"""The search engine: from a query to items, by words, meaning and what was clicked before.

Shapes: N items, C candidates, F features, D numbers of a vector.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from models.catalogue import Catalogue
from models.search import matching, memory, profiles
from models.search.attribute_names import AttributeNames
from models.search.attribute_wishes import AttributeReader
from models.search.attributes import Attributes, item_attributes
from models.search.documents import Floats, Ints
from models.search.hits import Hits, Understood
from models.search.matching import TEXTS, Documents, matches
from models.search.memory import NO_CLICKS, ClickMemory
from models.search.narrowing import leading, narrowed
from models.search.profiles import Profile
from models.search.ranker import MODEL_FILE, Ranker
from models.search.retrieval import LexicalIndex, MeaningIndex, meaning_index, united
from models.search.spelling import Spelling
from models.search.synonyms import NO_SYNONYMS, Synonyms
from models.search.wishes import WishReader
from models.search.words import plain_words, words
from models.text.normalise import detect_language
from models.text.sentences import SentenceEncoder, load_sentence_encoder
from shopsight.whole_files import write_json

Mask = NDArray[np.bool_]
Vector = NDArray[np.float32]
Asked = Mapping[str, Vector]
"""The wordings of a query, the first as it was typed, and what each means."""

CONFIG_FILE: Final = "config.json"
CATALOGUE_FILE: Final = "catalogue.parquet"
VECTORS_FILE: Final = "vectors.safetensors"
MEMORY_FILE: Final = "memory.json"
DEMAND: Final = ("views", "purchases")
"""Columns of the catalogue that say how wanted an item is, as logarithms among the features."""
FEATURES: Final = (*matching.FEATURES, *memory.FEATURES, *DEMAND, *profiles.FEATURES)
"""The columns that the ranker reads."""
FUSION: Final = "reciprocal_rank_fusion"
"""The baseline that stands in where there is no ranker: places by words and by meaning, added up."""
FUSION_CONSTANT: Final = 60.0
"""Source: G. Cormack, C. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009."""


@dataclass(frozen=True, kw_only=True)
class SearchEngine:
    """Everything that answers a query."""

    catalogue: Catalogue
    texts: Sequence[Mapping[str, str]]
    """What each item says, by :data:`models.search.matching.TEXTS`."""
    documents: Documents
    lexical: LexicalIndex
    meaning: MeaningIndex
    memory: ClickMemory
    demand: Floats
    """Logarithms of :data:`DEMAND` of each item, shape (N, 2)."""
    encoder: SentenceEncoder
    ranker: Ranker | None
    """None: reciprocal rank fusion puts the candidates in order."""
    candidates: int
    """Items that are taken of each source."""
    min_similarity: float
    """An item that shares no word with the query, and was never clicked for it, must be so near in meaning."""
    spelling: Spelling
    reader: WishReader
    names: AttributeNames
    of_brand: Mapping[str, Ints]
    """Places of the items of each brand."""
    attributes: Sequence[Attributes]
    """Values of each item's further attributes, by name."""
    attribute_reader: AttributeReader

    @classmethod
    def build(
        cls,
        catalogue: Catalogue,
        texts: Sequence[Mapping[str, str]],
        *,
        vectors_ND: NDArray[np.float32],
        demand: Floats,
        encoder: SentenceEncoder,
        memory: ClickMemory = NO_CLICKS,
        ranker: Ranker | None = None,
        candidates: int = 100,
        min_similarity: float = 0.3,
        attributes: Sequence[Attributes] = (),
    ) -> "SearchEngine":
        """Index the items.

        Args:
            catalogue: the items.
            texts: what each says.
            vectors_ND: what each means, by ``encoder``.
            demand: how wanted each is.
            encoder: reads the queries.
            memory: of clicks.
            ranker: puts candidates in order.
            candidates: items of each source.
            min_similarity: see the field.
            attributes: of the items; those behind them have none.
        """
        documents = Documents.of(texts, vectors_ND)
        titles = [text.get("title") or "" for text in texts]
        whole = [everything(text) for text in texts]
        rows = [*attributes, *({} for _ in range(len(texts) - len(attributes)))]
        nouns = {word for text in texts for word in plain_words(text.get("category") or "")}
        return cls(
            catalogue=catalogue,
            texts=texts,
            documents=documents,
            lexical=LexicalIndex(titles, whole),
            meaning=meaning_index(vectors_ND),
            memory=memory,
            demand=demand,
            encoder=encoder,
            ranker=ranker,
            candidates=candidates,
            min_similarity=min_similarity,
            spelling=Spelling([*whole, *memory.phrases]),
            reader=WishReader(catalogue.brands, nouns),
            of_brand=catalogue.places_by_brand(),
            attributes=rows,
            attribute_reader=AttributeReader(rows, nouns),
            names=AttributeNames(lambda phrase: documents.fields["everything"].occurs(words(phrase))),
        )

    def understand(self, query: str, synonyms: Synonyms = NO_SYNONYMS) -> Understood:
        """Return what a query says."""
        wishes = self.reader.read(query)
        corrected = self.spelling.corrected(wishes.text)
        if corrected is not None:
            # A brand may be what was misspelt.
            wishes = replace(wishes, brands=wishes.brands or self.reader.read(corrected).brands)
        text = corrected or wishes.text
        renamed = self.names.renamed(text)
        named = self.attribute_reader.read(renamed or text)
        return Understood(
            text=text,
            corrected=corrected,
            synonyms=(*([renamed] if renamed else []), *synonyms.variants(renamed or text)),
            language=detect_language(query),
            wishes=wishes,
            named=named,
            rests=(named.rest, *synonyms.variants(named.rest)),
        )

    def search(
        self,
        query: str,
        *,
        num_results: int = 10,
        mask: Mask | None = None,
        profile: Profile | None = None,
        synonyms: Synonyms = NO_SYNONYMS,
    ) -> Hits:
        """Return the items that a query means, best first, at most as many as were looked at.

        Args:
            query: as it was typed.
            num_results: how many are wanted at least, where there are so many.
            mask: which items may be shown, shape (N,); None: all.
            profile: who asks.
            synonyms: the shop's.
        """
        understood = self.understand(query, synonyms)
        wordings = [understood.text, *understood.synonyms]
        asked = dict(zip(wordings, self.encoder.encode(wordings, kind="query"), strict=True))
        allowed = np.ones(len(self.catalogue), dtype=np.bool_) if mask is None else mask
        count, wanted = max(self.candidates, num_results), understood.named.wanted
        having = self.attribute_reader.meets(wanted, len(self.catalogue)) if wanted else None
        places, relaxed = self._wished(understood, asked, allowed, having, count)
        features = self._best_wording(asked, places, profile)
        return self._ranked(understood, places, features, having, relaxed)

    def _best_wording(self, asked: Asked, places: Ints, profile: Profile | None) -> Floats:
        """Return the features of each candidate by the wording of the query whose words it has most of."""
        by_wording = [self.features(text, vector_D, places, profile=profile) for text, vector_D in asked.items()]
        if len(by_wording) == 1 or not len(places):
            return by_wording[0]
        covered = FEATURES.index("everything_covered")
        best = np.argmax([features[:, covered] for features in by_wording], axis=0)
        return np.asarray(np.stack(by_wording)[best, np.arange(len(places))])

    def features(self, text: str, vector_D: Vector, places: Ints, *, profile: Profile | None) -> Floats:
        """Return what the ranker reads of each candidate, shape (C, F); the columns are :data:`FEATURES`."""
        item_ids = [self.catalogue.item_ids[place] for place in places]
        categories = [self.catalogue.categories[place] for place in places]
        return np.hstack(
            [
                matches(text, vector_D, places, self.documents),
                self.memory.features(text, item_ids, categories),
                self.demand[places],
                profiles.personal(profile, places, self.catalogue),
            ]
        )

    def retrieve(self, asked: Asked, allowed: Mask, count: int) -> Ints:
        """Return candidates of a query: by words, by meaning and by clicks, those that may be shown, shape (C,)."""
        # Where few may be shown, those who may stand further behind.
        share = max(float(allowed.mean()), 1e-9) if len(allowed) else 1.0
        reach = min(len(allowed), int(np.ceil(count / share)), 20 * count)
        groups = []
        for text, vector_D in asked.items():
            clicked = (self.catalogue.index_of(item_id) for item_id in self.memory.items(text))
            groups.append(np.array([place for place in clicked if place is not None], dtype=np.int64))
            groups.append(self.lexical.nearest(text, reach)[0])
            if vector_D.any():
                groups.append(self.meaning.nearest(vector_D, reach))
        return united([group[allowed[group]][:count] for group in groups], count=3 * count)

    def _wished(
        self, understood: Understood, asked: Asked, allowed: Mask, having: Mask | None, count: int
    ) -> tuple[Ints, tuple[str, ...]]:
        """Return the candidates that meet the query's wishes, or as many of the wishes as items can."""
        narrowings = narrowed(
            understood.wishes,
            understood.named,
            catalogue=self.catalogue,
            of_brand=self.of_brand,
            reader=self.attribute_reader,
        )
        for wanted, given_up in narrowings:
            wanted = wanted & allowed
            if not wanted.any():
                continue
            places = self.retrieve(asked, wanted, count)
            if having is not None:
                places = united([places, self.retrieve(asked, wanted & having, count)], count=4 * count)
            places = self._meant(asked, places)
            if len(places):
                return places, given_up
        return np.zeros(0, dtype=np.int64), ()

    def _meant(self, asked: Asked, places: Ints) -> Ints:
        """Leave out what shares no word, was never clicked for the query and is not near in meaning either."""
        meant = np.zeros(len(places), dtype=np.bool_)
        for text, vector_D in asked.items():
            clicked = set(self.memory.items(text))
            meant |= self.documents.vectors_ND[places] @ vector_D >= self.min_similarity
            meant |= np.array([self.catalogue.item_ids[place] in clicked for place in places], dtype=np.bool_)
            meant |= self._shared(text, places) > 0
        return places[meant]

    def _shared(self, text: str, places: Ints) -> Ints:
        field = self.documents.fields["everything"]
        asked = list(dict.fromkeys(words(text)))
        return np.asarray((field.counts(asked, places) > 0).sum(axis=0), dtype=np.int64)

    def _ranked(
        self, understood: Understood, places: Ints, features: Floats, having: Mask | None, relaxed: tuple[str, ...]
    ) -> Hits:
        scores = self.ranker.scores(features) if self.ranker is not None else fused(features)
        order = np.argsort(-scores, kind="stable")
        leads = np.zeros(len(places), dtype=np.bool_)
        if having is not None and len(places):
            leads = leading(
                places[order],
                having[places[order]],
                understood.rests,
                everything=self.documents.fields["everything"],
                categories=self.catalogue.categories,
            )
            if not leads.any():
                relaxed = ("attributes", *relaxed)
            first = np.argsort(~leads, kind="stable")
            order, leads = order[first], leads[first]
        return Hits(
            understood=understood,
            places=places[order],
            scores=scores[order],
            features=features[order],
            shared_words=self._shared(understood.text, places)[order],
            leads=leads,
            relaxed=relaxed,
        )

    def with_catalogue(self, catalogue: Catalogue) -> "SearchEngine":
        """Return the engine over the items as they are now; what says something else, or is new, is read anew.

        The places of the model's items stay; behind them may come others.
        """
        if _says_the_same(catalogue, self.catalogue):
            return replace(self, catalogue=catalogue)
        texts = [self._text_now(catalogue, place) for place in range(len(catalogue))]
        if texts == list(self.texts):
            return replace(self, catalogue=catalogue)
        before = [*self.texts, *({} for _ in range(len(texts) - len(self.texts)))]
        changed = [place for place, text in enumerate(texts) if text != before[place] and any(text.values())]
        demand = np.zeros((len(texts), len(DEMAND)))
        demand[: len(self.demand)] = self.demand
        vectors_ND = np.zeros((len(texts), self.encoder.dim), dtype=np.float32)
        vectors_ND[: len(self.documents)] = self.documents.vectors_ND
        vectors_ND[changed] = self.encoder.encode([everything(texts[place]) for place in changed], kind="passage")
        return SearchEngine.build(
            catalogue,
            texts,
            vectors_ND=vectors_ND,
            demand=demand,
            encoder=self.encoder,
            memory=self.memory,
            ranker=self.ranker,
            candidates=self.candidates,
            min_similarity=self.min_similarity,
            attributes=self.attributes,
        )

    def _text_now(self, catalogue: Catalogue, place: int) -> dict[str, str]:
        title = catalogue.titles[place]
        before = self.texts[place] if place < len(self.texts) else {}
        return {
            "title": title if title and title != catalogue.item_ids[place] else "",
            "category": catalogue.categories[place] or "",
            "brand": catalogue.brands[place] or "",
            "description": catalogue.descriptions.get(place) or before.get("description") or "",
        }

    def save(self, folder: Path) -> None:
        """Write what :meth:`load` reads."""
        save_file({"vectors": self.documents.vectors_ND.astype(np.float16)}, str(folder / VECTORS_FILE))
        write_json(folder / MEMORY_FILE, self.memory.as_json(), sort_keys=True)
        settings = {"candidates": self.candidates, "min_similarity": self.min_similarity}
        write_json(folder / CONFIG_FILE, {"encoder": self.encoder.name, **settings})
        if self.ranker is not None:
            self.ranker.save(folder)

    @classmethod
    def load(cls, folder: Path, *, encoder: SentenceEncoder | None = None) -> "SearchEngine":
        """Read what :meth:`save` and :func:`models.search.train.write_catalogue` wrote, and index it.

        Raises:
            ShopsightError: the encoder is not on this machine.
        """
        config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text())
        table = pq.ParquetFile(folder / CATALOGUE_FILE).read()
        columns = {name: table[name].to_pylist() for name in TEXTS}
        texts = [
            {name: text or "" for name, text in zip(TEXTS, row, strict=True)}
            for row in zip(*columns.values(), strict=True)
        ]
        demand = np.log1p(np.array([table[name].to_pylist() for name in DEMAND], dtype=np.float64).T)
        return cls.build(
            Catalogue.of(table),
            texts,
            vectors_ND=load_file(str(folder / VECTORS_FILE))["vectors"].astype(np.float32),
            demand=demand.reshape(table.num_rows, len(DEMAND)),
            encoder=encoder or load_sentence_encoder(config["encoder"]),
            memory=ClickMemory.from_json(json.loads((folder / MEMORY_FILE).read_text())),
            ranker=Ranker.load(folder) if (folder / MODEL_FILE).exists() else None,
            candidates=config["candidates"],
            min_similarity=config["min_similarity"],
            attributes=item_attributes(table),
        )


def _says_the_same(catalogue: Catalogue, other: Catalogue) -> bool:
    """Return whether two states surely have the same texts: a column that stays is the same object in both."""
    columns = ("item_ids", "titles", "categories", "brands")
    are_same = all(getattr(catalogue, name) is getattr(other, name) for name in columns)
    return are_same and catalogue.descriptions == other.descriptions


def everything(text: Mapping[str, str]) -> str:
    """Return all that an item says, as one text: what is searched, and what its vector is made of."""
    return " ".join(filter(None, (text.get(name) for name in TEXTS)))


def fused(features: Floats) -> Floats:
    """Return the sum of the reciprocal places by words and by meaning, shape (C,)."""
    total = np.zeros(len(features))
    for name in ("everything_bm25", "similarity"):
        column = features[:, FEATURES.index(name)]
        places = np.empty(len(column))
        places[np.argsort(-column, kind="stable")] = np.arange(1, len(column) + 1)
        total += 1.0 / (FUSION_CONSTANT + places)
    return total
