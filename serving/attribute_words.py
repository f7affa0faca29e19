"""Words for colours, materials and sizes that catalogues seldom list, in English and Chinese; and words that say no."""

import re
from collections.abc import Mapping
from typing import Final

COLOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "black": ("黑色", "黑"),
    "white": ("白色", "白"),
    "grey": ("gray", "灰色", "灰"),
    "silver": ("银色",),
    "gold": ("golden", "金色"),
    "red": ("红色", "红"),
    "burgundy": ("酒红",),
    "pink": ("粉色", "粉红"),
    "orange": ("橙色", "橘色"),
    "yellow": ("黄色",),
    "green": ("绿色", "绿"),
    "turquoise": ("teal", "青色"),
    "blue": ("蓝色", "蓝"),
    "navy": ("navy blue", "藏青色", "藏青", "深蓝"),
    "purple": ("violet", "lilac", "紫色", "紫"),
    "brown": ("tan", "棕色", "咖啡色", "褐色"),
    "beige": ("cream", "sand", "米色", "沙色", "卡其"),
}
MATERIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "leather": ("真皮", "皮革", "牛皮"),
    "suede": ("麂皮",),
    "cotton": ("纯棉", "棉质", "棉"),
    "wool": ("woollen", "woolen", "merino", "羊毛"),
    "linen": ("亚麻",),
    "silk": ("真丝", "丝绸"),
    "polyester": ("涤纶",),
    "nylon": ("尼龙",),
    "denim": ("牛仔布",),
    "wood": ("wooden", "oak", "木质", "实木"),
    "bamboo": ("竹",),
    "metal": ("metallic", "金属"),
    "steel": ("stainless steel", "stainless", "不锈钢"),
    "aluminium": ("aluminum", "铝"),
    "glass": ("玻璃",),
    "ceramic": ("porcelain", "stoneware", "陶瓷"),
    "plastic": ("塑料",),
    "rubber": ("橡胶",),
    "silicone": ("硅胶",),
}

# A letter alone is a size only where it is called one: "l" and "s" are also articles and slips of the pen.
SIZES: Final = (
    re.compile(r"\bsizes?\s*(?:is|of|:)?\s*((?:eu|us|uk)?\s?\d{1,3}(?:\.5)?|(?:[2-6]?x{0,3}[sl])|m)\b", re.IGNORECASE),
    re.compile(r"(?<![a-z])((?:eu|us|uk)\s?\d{1,2}(?:\.5)?)\b", re.IGNORECASE),
    re.compile(r"(?<![a-z0-9])([2-6]xl|x{1,3}l|x{1,3}s)(?![a-z0-9])", re.IGNORECASE),
    re.compile(r"(?<!\d)(\d{2,3}(?:\.5)?)\s?码"),
    re.compile(r"(?<![a-z0-9])([xX]{0,3}[SMLsml])\s?码"),
    re.compile(
        r"(?<![\d.])(\d{1,4}(?:\.\d{1,2})?[\s-]?(?:inch(?:es)?|cm|mm|ml|oz|gb|tb|英寸|寸|厘米|毫升))(?![a-z])",
        re.IGNORECASE,
    ),
)

NEGATION: Final = re.compile(
    r"(?:\b(?:not?|non|without|except|never|isn't|aren't|don't want|anything but|instead of|other than)\b"
    r"|不要|不想要|不是|别要|除了|非)"
    r"[\s-]*(?:(?:made (?:of|from)|any|a|an|the|in|of|with|want|real)\s+)*$",
    re.IGNORECASE,
)
"""What stands right before a word that is not wanted."""

CHAIN: Final = re.compile(r"^\s*(?:,?\s*(?:or|nor)|/|、|或者?|和)\s*(?:(?:a|an|the|any|in)\s+)*$", re.IGNORECASE)
"""What stands between two words that one "not" speaks of; "and" and a comma end it ("not black, red please")."""
