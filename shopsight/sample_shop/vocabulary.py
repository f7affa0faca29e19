"""The words of the sample shop: brands, series, colours, and the hand-written items of the runner's trail."""

from dataclasses import dataclass
from typing import Final

SEASON_SLOPES: Final = {"Garden": -2.4, "Outdoors": -1.8, "Beauty": -0.6, "Kitchen": 1.2, "Fashion": 2.2, "Toys": 1.2}
"""Demand at the end of the history over its start is ``exp(slope)``: autumn is coming."""

BRANDS: Final = {
    "Sports": ("Veloria", "Tempora", "Hydra", "Strideon", "Pacewell", "Kinetik"),
    "Phones": ("Novaphone", "Lumio", "Xentel", "Corva", "Altair", "Mobiq"),
    "Computers": ("Quantel", "Bytewise", "Orbis", "Lumio", "Keyline", "Zephyr"),
    "Audio": ("Sonora", "Basswell", "Clarion Bay", "Echoic", "Novaphone", "Humm"),
    "Kitchen": ("Barista Lane", "Caffino", "Brewster", "Moka & Co", "Hearthside", "Cupola"),
    "Beauty": ("Dewlight", "Botanica", "Purelle", "Skinfolk", "Aloeva", "Honest Lab"),
    "Outdoors": ("Northpine", "Summitry", "Campwell", "Basecamp", "Hydra", "Ridgeback"),
    "Fashion": ("Harbour", "Indigo Mill", "Fjellson", "Common Thread", "Alder", "Rue Nord"),
    "Pets": ("Pawsome", "Barkley", "Wagwell", "Goodboy", "Tailside", "Fetchers"),
    "Garden": ("Greenfold", "Rootwell", "Terrano", "Bloomery", "Seedling", "Mossy"),
    "Toys": ("Brickwell", "Playforth", "Gamely", "Puzzlewood", "Kidora", "Merrymake"),
}

SERIES: Final = (
    "Aero",
    "Nova",
    "Pulse",
    "Terra",
    "Flow",
    "Prime",
    "Vista",
    "Ember",
    "Orion",
    "Lark",
    "Delta",
    "Sol",
    "Mira",
    "Onyx",
    "Fable",
    "Glint",
)
COLOURS: Final = ("Black", "White", "Blue", "Green", "Red", "Grey", "Navy", "Orange", "Pink", "Sand")
COLOURS_ZH: Final = dict(
    zip(COLOURS, ("黑色", "白色", "蓝色", "绿色", "红色", "灰色", "藏青色", "橙色", "粉色", "沙色"), strict=True)
)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A hand-written item: the same id, title and price in every size and seed."""

    leaf: str
    brand: str
    series: str
    kind: str
    colour: str
    material: str
    price: float


TRAIL: Final = (
    Signature(
        leaf="Running Shoes", brand="Veloria", series="Aero 3", kind="Road", colour="Blue", material="Mesh", price=129.0
    ),
    Signature(
        leaf="Running Socks", brand="Veloria", series="Aero", kind="Cushion", colour="Grey", material="Knit", price=18.0
    ),
    Signature(
        leaf="Sports Watches",
        brand="Tempora",
        series="Pulse 2",
        kind="GPS",
        colour="Black",
        material="Recycled Nylon",
        price=199.0,
    ),
    Signature(
        leaf="Hydration Vests",
        brand="Hydra",
        series="Flow 5",
        kind="Trail",
        colour="Orange",
        material="Mesh",
        price=79.0,
    ),
    Signature(
        leaf="Running Shoes",
        brand="Veloria",
        series="Terra 2",
        kind="Trail",
        colour="Green",
        material="Gore-Tex",
        price=149.0,
    ),
    Signature(
        leaf="Running Socks", brand="Veloria", series="Terra", kind="Merino", colour="Navy", material="Knit", price=24.0
    ),
    Signature(
        leaf="Hydration Vests",
        brand="Hydra",
        series="Flow 12",
        kind="Ultra",
        colour="Black",
        material="Recycled Nylon",
        price=119.0,
    ),
    Signature(
        leaf="Sports Watches",
        brand="Tempora",
        series="Orion",
        kind="Solar",
        colour="Sand",
        material="Recycled Nylon",
        price=349.0,
    ),
)
"""The runner's trail: each item leads to the next one, for the hero and for everyone who comes by."""
