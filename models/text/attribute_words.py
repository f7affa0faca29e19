"""Words for colours, materials and sizes that catalogues seldom list, in English and Chinese; and words that say no."""

import re
from collections.abc import Mapping
from typing import Final

NO_NAME: Final = ""
"""What words stand for that hold a colour's name and name none."""

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
    NO_NAME: (
        *("green tea", "black tea", "white tea", "red wine", "white wine", "orange juice", "white noise"),
        *("black friday", "gold plated", "gold-plated", "golden retriever", "ice cream", "face cream", "hand cream"),
        *(
            "蓝牙",
            "蓝光",
            "红酒",
            "红茶",
            "红枣",
            "红外",
            "红豆",
            "红薯",
            "白酒",
            "白茶",
            "白板",
            "白糖",
            "白菜",
            "美白",
        ),
        *("空白", "白噪", "蛋白", "黑茶", "黑板", "黑胶", "黑咖啡", "黑巧", "黑芝麻", "绿茶", "绿植", "绿豆", "灰尘"),
        *("紫外", "紫砂", "紫薯", "网红", "口红", "腮红"),
    ),
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
    "faux leather": ("leatherette", "vegan leather", "imitation leather", "pu leather", "人造革", "仿皮"),
    "canvas": ("帆布",),
    "cashmere": ("羊绒",),
    "velvet": ("天鹅绒",),
    "fleece": ("摇粒绒", "抓绒"),
    "felt": ("毛毡",),
    "mesh": ("网布", "网面"),
    "knit": ("knitted", "针织"),
    "fabric": ("布艺",),
    "spandex": ("elastane", "lycra", "氨纶"),
    "viscose": ("rayon", "粘胶"),
    "neoprene": ("氯丁橡胶",),
    "gore-tex": ("goretex", "gore tex"),
    "ripstop": (),
    "jute": ("黄麻",),
    "hemp": (),
    "cork": ("软木",),
    "rattan": ("wicker", "藤编"),
    "cardboard": ("纸板",),
    "paper": ("纸质",),
    "foam": ("memory foam", "eva foam", "泡棉", "海绵"),
    "latex": ("乳胶",),
    "acrylic": ("亚克力",),
    "carbon": ("carbon fibre", "carbon fiber", "碳纤维"),
    "titanium": ("钛", "钛合金"),
    "magnesium": ("镁合金",),
    "brass": ("黄铜",),
    "copper": ("紫铜",),
    "iron": ("cast iron", "铸铁"),
    "marble": ("大理石",),
    "terracotta": ("陶土",),
}

# A letter alone is a size only where it is called one: "l" and "s" are also articles and slips of the pen.
IRREGULAR: Final[Mapping[str, str]] = {
    one: other
    for pair in (("mouse", "mice"), ("knife", "knives"), ("shelf", "shelves"), ("scarf", "scarves"), ("foot", "feet"))
    for one, other in (pair, pair[::-1])
}
"""Names of wares whose plural no rule gives."""

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
    r"(?:\b(?:not?|non|without|except|never|isn't|aren't|don't want|don't like|avoid(?:ing)?|dislike|hate|anything but"
    r"|instead of|other than)\b"
    r"|不要|不想要|不是|别要|别给我|除了|非|不喜欢|讨厌|不爱)"
    r"[\s-]*(?:(?:made (?:of|from)|any|a|an|the|in|of|from|by|with|want|real)\s+)*$",
    re.IGNORECASE,
)
"""What stands right before a word that is not wanted."""

CHAIN: Final = re.compile(r"^\s*(?:,?\s*(?:or|nor)|/|、|或者?|和)\s*(?:(?:a|an|the|any|in)\s+)*$", re.IGNORECASE)
"""What stands between two words that one "not" speaks of; "and" and a comma end it ("not black, red please")."""
