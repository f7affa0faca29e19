"""What the rules find in texts whose attributes are known: queries and titles of the sample shop.

    python -m benchmarks.attributes --json -

Queries are filled from the sample shop's own sentence patterns, so each is known to name a category, brand, colour or
price, or none of them; to half of those with a colour, and to a tenth of the others, a colour is added that is not
wanted ("not red", "不要红色的"). Titles carry their item's brand, category, colour and material. Synonyms are mapped by
hand here (sand is a beige). Precision is the share of what was found that is right, recall the share of what is there
that was found right; intervals are over texts. The shop is generated, and the first run of this benchmark showed what
the rules lacked (plurals such as "watches", "not over 80", "蓝牙" is no blue, materials such as mesh): the figures say
that the rules hold what was planted, not how they do on a shop's own words.
"""

import argparse
import json
import string
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import Estimate, bootstrap_mean, bootstrap_statistic
from models.intent.attributes import TextAttributes
from models.intent.categories import suggest_categories
from shopsight.sample_shop import phrases
from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.catalogue import Catalogue, build_catalogue, category
from shopsight.sample_shop.config import SIZES
from shopsight.sample_shop.shelves import LEAVES

KINDS: Final = ("category", "brand", "colour", "material", "price", "excluded")
SYNONYMS: Final = {"sand": "beige"}
MATERIALS: Final = {
    "beech wood": "wood",
    "cotton blend": "cotton",
    "cotton rope": "cotton",
    "merino wool": "wool",
    "natural rubber": "rubber",
    "organic cotton": "cotton",
    "recycled nylon": "nylon",
    "recycled plastic": "plastic",
    "stainless steel": "steel",
    "eva foam": "foam",
    "leatherette": "faux leather",
    "stoneware": "ceramic",
    "stretch denim": "denim",
    "wool blend": "wool",
}
"""What the shop calls its materials, by their plain name."""
MATERIAL_KINDS: Final = {
    "denim": "denim",
    "felt": "felt",
    "fleece": "fleece",
    "foam": "foam",
    "glass": "glass",
    "merino": "wool",
    "stoneware": "ceramic",
    "tempered glass": "glass",
    "terracotta": "terracotta",
    "wooden": "wood",
}
"""Kinds of items that are named after a material: who asks for a "glass mug" asks for glass."""

BOUNDS: Final = ("under {budget}", "not over {budget}", "{budget}以内")
"""Patterns that ask for a price; in "tent 200 euro" it may be anything about that."""


class Case(NamedTuple):
    """A text, and what it names: of every kind a value or None."""

    text: str
    truth: dict[str, Any]


def query_cases(catalogue: Catalogue, *, count: int, seed: int) -> dict[str, list[Case]]:
    """Return queries by language."""
    rng = np.random.default_rng(seed)
    english = (*phrases.KEYWORDS["search_product"], *phrases.SENTENCES["search_product"])
    return {
        "en": [_query(catalogue, english, chinese=False, rng=rng) for _ in range(count)],
        "zh": [_query(catalogue, phrases.CHINESE["search_product"], chinese=True, rng=rng) for _ in range(count)],
    }


def _query(catalogue: Catalogue, patterns: Sequence[str], *, chinese: bool, rng: np.random.Generator) -> Case:
    item = int(rng.integers(len(catalogue.item_ids)))
    leaf = int(catalogue.leaf_I[item])
    shelf = LEAVES[leaf]
    coloured = not shelf.packs
    fitting = [p for p in patterns if coloured or "colour" not in p]
    pattern = fitting[int(rng.integers(len(fitting)))]
    names = {name for _, name, _, _ in string.Formatter().parse(pattern) if name}
    colour, budget = catalogue.looks[item], int(catalogue.price_I[item] * 1.2) // 5 * 5 + 5
    kind = shelf.kinds[int(rng.integers(len(shelf.kinds)))].lower()
    text = pattern.format(
        noun=shelf.noun.lower(),
        zh=shelf.zh,
        brand=catalogue.brands[item],
        model=catalogue.models[item],
        colour=colour.lower(),
        colour_zh=words.COLOURS_ZH.get(colour, colour),
        budget=budget,
        kind=kind,
        trait=shelf.traits[int(rng.integers(len(shelf.traits)))],
        use=phrases.USES[int(rng.integers(len(phrases.USES)))],
    )
    named = bool(names & {"colour", "colour_zh"})
    truth: dict[str, Any] = {
        # Chinese names of categories are not in the catalogue: what it does not hold cannot be looked up.
        "category": category(leaf) if "noun" in names else None,
        "brand": catalogue.brands[item] if names & {"brand", "model"} else None,
        "colour": _plain_colour(colour) if named else None,
        "material": MATERIAL_KINDS.get(kind) if "kind" in names else None,
        "price": (None, budget) if any(bound in pattern for bound in BOUNDS) else None,
        "excluded": [],
    }
    if rng.random() < (0.5 if named else 0.1):
        unwanted = words.COLOURS[int(rng.integers(len(words.COLOURS)))]
        if unwanted != colour:
            no = ("不要{}的", "，但不要{}") if chinese else (", not {}", " but not in {}", ", no {} please")
            name = words.COLOURS_ZH[unwanted] if chinese else unwanted.lower()
            text += no[int(rng.integers(len(no)))].format(name)
            truth["excluded"] = [_plain_colour(unwanted)]
    return Case(text.lower() if rng.random() < 0.5 else text, truth)


def title_cases(catalogue: Catalogue) -> list[Case]:
    """Return the titles of the catalogue."""
    return [
        Case(
            title,
            {
                "category": category(int(catalogue.leaf_I[item])),
                "brand": catalogue.brands[item],
                "colour": _plain_colour(planted["colour"]) if "colour" in planted else None,
                "material": _plain_material(planted["material"]) if "material" in planted else None,
                "price": None,
                "excluded": [],
            },
        )
        for item, title in enumerate(catalogue.titles)
        for planted in [json.loads(catalogue.attributes[item])]
    ]


def _plain_colour(colour: str) -> str:
    return SYNONYMS.get(colour.lower(), colour.lower())


def _plain_material(material: str) -> str:
    return MATERIALS.get(material.lower(), material.lower())


def suggested_categories(catalogue: Catalogue, *, seed: int) -> dict[str, Any]:
    """Return how often a fifth of the items, without their category, get it back from their titles alone."""
    truth = [category(int(leaf)) for leaf in catalogue.leaf_I]
    taken = set(np.random.default_rng(seed).permutation(len(truth))[: len(truth) // 5].tolist())
    suggestions = suggest_categories(
        catalogue.titles, [None if place in taken else name for place, name in enumerate(truth)], seed=seed
    )
    right = np.array([vote.category == truth[place] for place, vote in suggestions.rows], dtype=float)
    return {
        "items": len(taken),
        "suggested": len(right),
        "precision": _as_json(bootstrap_mean(right, seed=seed)) if len(right) else None,
    }


def outcomes(attributes: TextAttributes, cases: Iterable[Case], kind: str) -> NDArray[np.int64]:
    """Return for each text how many of ``kind`` are right, found and there, shape ``(texts, 3)``."""
    rows = []
    for case in cases:
        predicted, truth = attributes.find(case.text)[kind], case.truth[kind]
        if kind == "price":
            predicted = None if predicted is None else (predicted["gte"], predicted["lte"])
        if kind != "excluded":
            predicted, truth = ([] if one is None else [one] for one in (predicted, truth))
        rows.append((len(set(predicted) & set(truth)), len(predicted), len(truth)))
    return np.array(rows, dtype=np.int64)


def figures(counts: NDArray[np.int64], *, seed: int) -> dict[str, Any]:
    """Return precision and recall with their intervals; None of what there is nothing of."""
    return {
        "there": int(counts[:, 2].sum()),
        "found": int(counts[:, 1].sum()),
        **{
            name: _as_json(bootstrap_statistic(_share, counts[:, 0], counts[:, place], seed=seed, resamples=300))
            if counts[:, place].any()
            else None
            for name, place in (("precision", 1), ("recall", 2))
        },
    }


def _share(right: NDArray[np.int64], of: NDArray[np.int64]) -> float:
    return float(right.sum() / of.sum()) if of.sum() else float("nan")


def _as_json(estimate: Estimate) -> dict[str, Any]:
    interval = [round(estimate.low, 4), round(estimate.high, 4)]
    return {"value": round(estimate.value, 4), "interval": interval}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_json_option(parser)
    parser.add_argument("--size", choices=sorted(SIZES), default="small", help="of the sample shop")
    parser.add_argument("--queries", type=int, default=2000, help="queries of each language")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    catalogue = build_catalogue(SIZES[arguments.size], np.random.default_rng(arguments.seed))
    attributes = TextAttributes(
        categories=sorted({category(int(leaf)) for leaf in catalogue.leaf_I}), brands=sorted(set(catalogue.brands))
    )
    queries = query_cases(catalogue, count=arguments.queries, seed=arguments.seed)
    sets = {"queries en": queries["en"], "queries zh": queries["zh"], "titles": title_cases(catalogue)}
    result = {
        "benchmark": "attributes",
        "protocol": "sample shop; precision of what was found, recall of what is there; intervals over texts",
        "seed": arguments.seed,
        "texts": {name: len(cases) for name, cases in sets.items()},
        **{
            name: {kind: figures(outcomes(attributes, cases, kind), seed=arguments.seed) for kind in KINDS}
            for name, cases in sets.items()
        },
        "category suggestions": suggested_categories(catalogue, seed=arguments.seed),
    }
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
