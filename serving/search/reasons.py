"""Why an item is among the results, in the language of the query."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.search.attribute_wishes import by_attribute
from models.search.attributes import Attributes
from models.search.hits import Hits
from models.search.predict import FEATURES
from models.search.words import words
from serving.search.schemas import SearchReason

TASTE: Final = 0.3
"""Share of what a shopper touched that has to be of the item's category, for the result to be owed to it."""
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "all_words": "has every word of the query",
        "some_words": "has {count} of the query's {of} words",
        "meaning": "is near to the query in meaning",
        "attributes": "is as asked for: {attributes}",
        "clicked": "was chosen before for this query",
        "brand": "is of the brand {brand}",
        "price": "costs {price:.2f}",
        "taste": "is of a category that you often look at",
        "pinned": "stands here by the shop's rule",
    },
    "zh": {
        "all_words": "包含搜索的全部词语",
        "some_words": "包含搜索的 {of} 个词中的 {count} 个",
        "meaning": "与搜索意思相近",
        "attributes": "符合搜索的要求：{attributes}",
        "clicked": "曾有人搜索同样的词后选择",
        "brand": "品牌为{brand}",
        "price": "价格为 {price:.2f}",
        "taste": "属于您常看的类别",
        "pinned": "由商店规则置于此处",
    },
}


def reasons_of(
    hits: Hits, row: int, *, brand: str | None, price: float, attributes: Attributes, pinned: bool
) -> list[SearchReason]:
    """Return the reasons of one item that was found.

    Args:
        hits: the items.
        row: which of them.
        brand: of the item.
        price: of the item; not a number where it has none.
        attributes: of the item.
        pinned: whether a rule put it where it stands.
    """
    texts = WORDS["zh" if hits.understood.language == "zh" else "en"]
    asked = len(set(words(hits.understood.text)))
    shared = int(hits.shared_words[row])
    features = dict(zip(FEATURES, hits.features[row].tolist(), strict=True))
    codes: list[str] = ["pinned"] if pinned else []
    codes.append("all_words" if asked and shared == asked else "some_words" if shared else "meaning")
    if hits.leads[row]:
        codes.append("attributes")
    if features["clicked_for_query"] > 0:
        codes.append("clicked")
    wishes = hits.understood.wishes
    if brand is not None and brand in wishes.brands:
        codes.append("brand")
    if (wishes.lowest is not None or wishes.highest is not None) and not np.isnan(price):
        codes.append("price")
    if features["own_category"] >= TASTE:
        codes.append("taste")
    named = by_attribute(hits.understood.named.wanted)
    met = ", ".join(value for name, values in named.items() for value in values if value in attributes.get(name, ()))
    values = {"count": shared, "of": asked, "brand": brand, "price": price, "attributes": met}
    return [{"code": code, "words": texts[code].format(**values)} for code in codes]  # type: ignore[typeddict-item]
