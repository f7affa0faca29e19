"""One reader per format of a shop's export, each turning its rows into canonical events."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from shopsight.ingestion.formats.amazon_reviews import read_amazon_reviews
from shopsight.ingestion.formats.amplitude import read_amplitude
from shopsight.ingestion.formats.canonical import ENCODINGS, read_canonical
from shopsight.ingestion.formats.completejourney import read_completejourney
from shopsight.ingestion.formats.ga4 import read_ga4
from shopsight.ingestion.formats.hm import read_hm
from shopsight.ingestion.formats.magento import read_magento
from shopsight.ingestion.formats.mapped import read_mapped_with_items
from shopsight.ingestion.formats.matomo import read_matomo
from shopsight.ingestion.formats.otto import read_otto
from shopsight.ingestion.formats.posthog import read_posthog
from shopsight.ingestion.formats.rees46 import read_rees46
from shopsight.ingestion.formats.retailrocket import read_retailrocket
from shopsight.ingestion.formats.segment import read_segment
from shopsight.ingestion.formats.shopify import read_shopify
from shopsight.ingestion.formats.snowplow import read_snowplow
from shopsight.ingestion.formats.taobao import read_taobao
from shopsight.ingestion.formats.uci_online_retail import read_uci_online_retail
from shopsight.ingestion.formats.woocommerce import read_woocommerce
from shopsight.ingestion.formats.yoochoose import read_yoochoose
from shopsight.ingestion.readers.chunks import RawChunk

FORMATS: Final[dict[str, Callable[..., Iterator[RawChunk]]]] = {
    **{name: partial(read_canonical, encoding=encoding) for name, encoding in ENCODINGS.items()},
    "retailrocket": read_retailrocket,
    "rees46": read_rees46,
    "taobao": read_taobao,
    "otto": read_otto,
    "yoochoose": read_yoochoose,
    "amazon_reviews": read_amazon_reviews,
    "uci_online_retail": read_uci_online_retail,
    "hm": read_hm,
    "shopify": read_shopify,
    "woocommerce": read_woocommerce,
    "magento": read_magento,
    "ga4": read_ga4,
    "segment": read_segment,
    "posthog": read_posthog,
    "amplitude": read_amplitude,
    "matomo": read_matomo,
    "snowplow": read_snowplow,
    "mapped": read_mapped_with_items,
    "completejourney": read_completejourney,
}
"""What reads each format, given the path of a file or of a folder of companions; a new format is a module and a line.

``mapped`` is given its mapping too, and ``completejourney`` reads the data of its package where the path is ``None``.
"""

EXPECTED: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(("taobao", "otto", "retailrocket"), frozenset({"purchases_without_money"})),
    # A price of 0 is unknown, and a session is an order: what it buys in several steps is no repetition.
    "yoochoose": frozenset({"purchases_without_money", "order_line_bought_again"}),
    "rees46": frozenset({"order_line_bought_again"}),
    # A credit note has a number of its own.
    "uci_online_retail": frozenset({"refunds_without_purchase"}),
}
"""Questions of a validation that a public data set answers alike for everybody, by its very form."""
