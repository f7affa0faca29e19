"""The sample shop: seeded, of any size, with known truths planted in it. Nothing in it was made by real shoppers."""

from shopsight.sample_shop.arrow import RAW_SCHEMA
from shopsight.sample_shop.config import DEFAULT_ENDS_AT, SIZES, SampleShopConfig
from shopsight.sample_shop.landing import land_sample_shop, sample_chunks, write_files
from shopsight.sample_shop.people import HERO, SEGMENTS
from shopsight.sample_shop.shop import SampleShop, generate
from shopsight.sample_shop.truth import PlantedTruth

__all__ = [
    "DEFAULT_ENDS_AT",
    "HERO",
    "RAW_SCHEMA",
    "SEGMENTS",
    "SIZES",
    "PlantedTruth",
    "SampleShop",
    "SampleShopConfig",
    "generate",
    "land_sample_shop",
    "sample_chunks",
    "write_files",
]
