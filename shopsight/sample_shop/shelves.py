"""What the sample shop sells, shelf by shelf.

Within a department each shelf complements the one before it: after a phone a case, after the case a screen protector.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One shelf of the shop: a second-level category."""

    department: str
    """First level of the category path."""
    name: str
    """Second level of the category path."""
    noun: str
    """What one item is called in titles and utterances."""
    zh: str
    """The same noun in Chinese, for Chinese utterances."""
    kinds: tuple[str, ...]
    """Modifiers that stand before the noun in titles."""
    traits: tuple[str, ...]
    """Qualities that people search for, ask about and praise."""
    price: tuple[float, float]
    """Cheapest and dearest typical price in euro."""
    materials: tuple[str, ...]
    """What the items may be made of; empty for what comes in packs."""
    packs: tuple[str, ...]
    """Pack sizes; empty for what comes in colours."""


# Path | noun | noun in Chinese | cheapest and dearest price; then kinds; then traits; then materials
# (of …), or pack sizes (in …) where colour and material make no sense.
_SHELVES = """
Sports > Running Shoes | Running Shoes | 跑鞋 | 59 189
  Road, Trail, Racing, Everyday
  lightweight, cushioned, waterproof, breathable, wide enough
  of Mesh, Gore-Tex, Recycled Nylon, Knit
Sports > Running Socks | Running Socks | 跑步袜 | 8 29
  Cushion, Merino, Compression, Ankle
  blister free, breathable, seamless, quick drying
  of Knit, Merino Wool, Cotton Blend, Recycled Nylon
Sports > Sports Watches | Sports Watch | 运动手表 | 79 449
  GPS, Multisport, Slim, Solar
  waterproof, accurate, long lasting, light on the wrist
  of Recycled Nylon, Silicone, Aluminium, Titanium
Sports > Hydration Vests | Hydration Vest | 越野水袋背心 | 39 149
  Race, Trail, Ultra, Women's
  lightweight, bounce free, roomy, adjustable
  of Mesh, Recycled Nylon, Ripstop, Knit
Phones > Smartphones | Smartphone | 手机 | 199 1099
  5G, Compact, Max, Lite
  long lasting, good for photos, fast charging, waterproof, dual SIM capable
  of Aluminium, Glass, Recycled Plastic, Ceramic
Phones > Phone Cases | Phone Case | 手机壳 | 9 45
  Slim, Rugged, Clear, Wallet
  shockproof, slim, non slip, compatible with wireless charging
  of Silicone, Leather, Recycled Plastic, Glass
Phones > Screen Protectors | Screen Protector | 钢化膜 | 6 29
  Tempered Glass, Privacy, Matte, Full Cover
  scratch resistant, easy to apply, bubble free, anti glare
  in 1 Pack, 2 Pack, 3 Pack
Phones > Chargers | Charger | 充电器 | 12 69
  USB-C, Wireless, Travel, Car
  fast charging, compact, quiet, compatible with older phones
  of Recycled Plastic, Aluminium, Silicone
Computers > Laptops | Laptop | 笔记本电脑 | 399 1899
  Ultrabook, Gaming, Student, 14 inch
  long lasting, quiet, lightweight, bright
  of Aluminium, Carbon, Recycled Plastic, Magnesium
Computers > Laptop Sleeves | Laptop Sleeve | 电脑包 | 14 59
  Felt, Slim, Padded, Zip
  waterproof, well padded, slim, roomy
  of Felt, Recycled Nylon, Leather, Neoprene
Computers > Wireless Mice | Wireless Mouse | 无线鼠标 | 12 99
  Ergonomic, Silent, Travel, Gaming
  silent, ergonomic, rechargeable, precise
  of Recycled Plastic, Aluminium, Rubber
Audio > Headphones | Headphones | 耳机 | 39 399
  Noise Cancelling, Over Ear, Studio, Sport
  noise cancelling, long lasting, comfortable, rich sounding
  of Leatherette, Aluminium, Recycled Plastic, Bamboo
Audio > Headphone Cases | Headphone Case | 耳机盒 | 9 35
  Hard Shell, Travel, Soft, Slim
  shockproof, compact, waterproof, easy to open
  of EVA Foam, Leather, Recycled Nylon
Audio > Bluetooth Speakers | Bluetooth Speaker | 蓝牙音箱 | 19 249
  Portable, Outdoor, Mini, Party
  waterproof, loud, long lasting, small
  of Aluminium, Bamboo, Recycled Plastic, Fabric
Kitchen > Espresso Machines | Espresso Machine | 咖啡机 | 99 899
  Automatic, Manual, Compact, Dual Boiler
  easy to clean, quiet, fast heating, compact
  of Stainless Steel, Aluminium, Recycled Plastic
Kitchen > Coffee Beans | Coffee Beans | 咖啡豆 | 8 32
  Dark Roast, Medium Roast, Decaf, Single Origin
  mild, freshly roasted, organic, rich
  in 250 g, 500 g, 1 kg
Kitchen > Coffee Mugs | Coffee Mug | 咖啡杯 | 7 39
  Insulated, Stoneware, Glass, Travel
  dishwasher safe, leak proof, keeps hot, microwave safe
  of Stoneware, Stainless Steel, Glass, Bamboo
Beauty > Cleansers | Face Cleanser | 洗面奶 | 7 39
  Gel, Foaming, Oil, Gentle
  fragrance free, gentle, for sensitive skin, vegan
  in 100 ml, 150 ml, 200 ml
Beauty > Serums | Serum | 精华液 | 12 89
  Vitamin C, Hyaluronic, Retinol, Niacinamide
  fast absorbing, for dry skin, fragrance free, vegan
  in 15 ml, 30 ml, 50 ml
Beauty > Moisturisers | Moisturiser | 面霜 | 9 69
  Day, Night, Rich, Light
  for oily skin, non greasy, fragrance free, long lasting
  in 30 ml, 50 ml, 75 ml
Beauty > Sunscreens | Sunscreen | 防晒霜 | 9 39
  SPF 50, SPF 30, Mineral, Tinted
  water resistant, free of white cast, reef safe, non greasy
  in 50 ml, 100 ml, 200 ml
Outdoors > Tents | Tent | 帐篷 | 69 599
  2 Person, Family, Ultralight, Dome
  waterproof, easy to pitch, lightweight, windproof
  of Ripstop, Recycled Nylon, Cotton Blend, Polyester
Outdoors > Sleeping Bags | Sleeping Bag | 睡袋 | 39 299
  Down, Summer, Winter, Mummy
  warm, compact, machine washable, lightweight
  of Recycled Nylon, Ripstop, Cotton Blend
Outdoors > Sleeping Mats | Sleeping Mat | 防潮垫 | 19 179
  Inflatable, Foam, Insulated, Wide
  quiet, comfortable, compact, puncture resistant
  of Polyester, EVA Foam, Recycled Nylon
Outdoors > Headlamps | Headlamp | 头灯 | 14 89
  Rechargeable, Ultralight, 400 Lumen, Red Light
  bright, waterproof, long lasting, light
  of Aluminium, Recycled Plastic
Fashion > Jackets | Jacket | 夹克 | 49 299
  Rain, Down, Denim, Fleece
  waterproof, warm, windproof, true to size
  of Recycled Nylon, Cotton, Wool Blend, Gore-Tex
Fashion > Jeans | Jeans | 牛仔裤 | 29 129
  Slim, Straight, Relaxed, High Rise
  stretchy, true to size, durable, machine washable
  of Denim, Stretch Denim, Organic Cotton
Fashion > Belts | Belt | 皮带 | 12 69
  Classic, Braided, Reversible, Casual
  durable, adjustable, real leather, wide
  of Leather, Cotton, Recycled Nylon
Pets > Dog Food | Dog Food | 狗粮 | 12 79
  Puppy, Adult, Grain Free, Senior
  grain free, for sensitive stomachs, high protein, organic
  in 2 kg, 5 kg, 12 kg
Pets > Dog Toys | Dog Toy | 狗玩具 | 5 29
  Chew, Squeaky, Puzzle, Rope
  durable, washable, quiet, safe for puppies
  of Natural Rubber, Cotton Rope, Felt, Nylon
Pets > Dog Leads | Dog Lead | 牵引绳 | 9 45
  Retractable, Rope, Reflective, Hands Free
  strong, reflective, comfortable to hold, long
  of Nylon, Leather, Cotton Rope
Garden > Plant Pots | Plant Pot | 花盆 | 6 79
  Terracotta, Hanging, Self Watering, Outdoor
  frost proof, with drainage, lightweight, large
  of Terracotta, Ceramic, Recycled Plastic, Jute
Garden > Potting Soil | Potting Soil | 营养土 | 5 25
  Organic, Cactus, Seedling, Peat Free
  peat free, organic, well draining, odourless
  in 5 l, 10 l, 20 l, 40 l
Garden > Seeds | Seeds | 种子 | 2 12
  Herb, Tomato, Wildflower, Salad
  easy to grow, organic, bee friendly, fast sprouting
  in 50 Seeds, 200 Seeds, 500 Seeds
Toys > Building Sets | Building Set | 积木 | 15 199
  City, Space, Castle, Train
  suitable for age five, with instructions, sturdy, large
  of Recycled Plastic, Beech Wood
Toys > Board Games | Board Game | 桌游 | 14 69
  Family, Strategy, Party, Cooperative
  for two players, easy to learn, quick, replayable
  of Cardboard, Beech Wood
Toys > Puzzles | Puzzle | 拼图 | 8 45
  1000 Piece, Wooden, 500 Piece, Floor
  sturdy, well fitting, colourful, suitable for age five
  of Cardboard, Beech Wood
"""


def _read_shelves(text: str) -> tuple[Leaf, ...]:
    lines = text.strip().splitlines()
    shelves = []
    for head, kinds, traits, makes in zip(lines[::4], lines[1::4], lines[2::4], lines[3::4], strict=True):
        path, noun, zh, prices = head.split(" | ")
        department, name = path.split(" > ")
        low, high = prices.split()
        shelves.append(
            Leaf(
                department=department,
                name=name,
                noun=noun,
                zh=zh,
                kinds=tuple(kinds.strip().split(", ")),
                traits=tuple(traits.strip().split(", ")),
                price=(float(low), float(high)),
                materials=_list(makes, "of"),
                packs=_list(makes, "in"),
            )
        )
    return tuple(shelves)


def _list(line: str, word: str) -> tuple[str, ...]:
    given, _, rest = line.strip().partition(" ")
    return tuple(rest.split(", ")) if given == word else ()


LEAVES: Final = _read_shelves(_SHELVES)
DEPARTMENTS: Final = tuple(dict.fromkeys(leaf.department for leaf in LEAVES))
