"""What the sample shop has beside its events: pages of its rules, other words for what it sells, its suppliers."""

from pathlib import Path
from typing import Final

from shopsight.sample_shop.shelves import LEAVES
from shopsight.sample_shop.stock import stock_terms
from shopsight.sample_shop.vocabulary import COLOURS_ZH
from shopsight.settings import Settings
from shopsight.whole_files import replaced

POLICIES: Final = Path(__file__).with_name("policies")
ENGLISH: Final = {
    "Running Shoes": ("trainers", "sneakers", "runners"),
    "Running Socks": ("sports socks",),
    "Sports Watches": ("running watch", "fitness watch", "smartwatch"),
    "Hydration Vests": ("running vest", "hydration pack"),
    "Smartphones": ("phone", "mobile", "mobile phone", "cell phone", "cellphone"),
    "Phone Cases": ("phone cover", "mobile case"),
    "Screen Protectors": ("screen guard", "protective film"),
    "Laptops": ("notebook computer", "portable computer"),
    "Laptop Sleeves": ("laptop bag", "laptop case"),
    "Wireless Mice": ("computer mouse", "mouse"),
    "Headphones": ("earphones", "headset", "cans"),
    "Bluetooth Speakers": ("speaker", "speakers", "wireless speaker"),
    "Espresso Machines": ("coffee machine", "coffee maker"),
    "Coffee Mugs": ("mug", "mugs", "coffee cup"),
    "Cleansers": ("face wash", "face cleanser"),
    "Moisturisers": ("face cream", "moisturizer", "moisturizers"),
    "Sunscreens": ("sun cream", "sunblock", "suncream"),
    "Sleeping Mats": ("sleeping pad", "camping mat"),
    "Headlamps": ("head torch", "headtorch", "head lamp"),
    "Dog Leads": ("dog leash", "leash", "lead"),
    "Plant Pots": ("flower pot", "flowerpot", "planter"),
    "Potting Soil": ("compost", "potting mix"),
    "Building Sets": ("building blocks", "construction set", "bricks"),
    "Puzzles": ("jigsaw", "jigsaw puzzle"),
}
CHINESE: Final = {
    "Running Shoes": ("跑步鞋", "运动鞋"),
    "Smartphones": ("智能手机",),
    "Laptops": ("笔记本", "手提电脑"),
    "Headphones": ("耳麦",),
    "Bluetooth Speakers": ("音箱", "音响", "蓝牙音响"),
    "Espresso Machines": ("意式咖啡机",),
    "Coffee Mugs": ("马克杯", "杯子"),
    "Cleansers": ("洁面乳", "洁面"),
    "Serums": ("精华",),
    "Sunscreens": ("防晒", "防晒乳"),
    "Dog Leads": ("狗绳",),
    "Building Sets": ("乐高", "积木套装"),
    "Board Games": ("桌面游戏",),
    "Screen Protectors": ("手机膜", "屏幕保护膜", "贴膜"),
    "Jackets": ("外套",),
    "Belts": ("腰带",),
}


def synonyms() -> list[list[str]]:
    """Return groups of words for shelves and colours, in English and Chinese, the shop's own name first."""
    shelves = [[leaf.name, leaf.zh, *ENGLISH.get(leaf.name, ()), *CHINESE.get(leaf.name, ())] for leaf in LEAVES]
    return shelves + [[name, chinese] for name, chinese in COLOURS_ZH.items()]


def policy_pages() -> dict[str, str]:
    """Return the Markdown of each page, by its name in the folder of policies."""
    return {path.relative_to(POLICIES).as_posix(): path.read_text() for path in sorted(POLICIES.rglob("*.md"))}


def write_home_files(settings: Settings) -> None:
    """Write each of them into the home, where it has none of its own."""
    import yaml

    if not settings.synonyms_path.exists():
        with replaced(settings.synonyms_path) as staging:
            staging.write_text(
                yaml.safe_dump({"synonyms": synonyms()}, allow_unicode=True, sort_keys=False), encoding="utf-8"
            )
    if not settings.stock_path.exists():
        with replaced(settings.stock_path) as staging:
            staging.write_text(yaml.safe_dump(stock_terms(), sort_keys=False), encoding="utf-8")
    if not settings.policies_dir.exists():
        for name, text in policy_pages().items():
            path = settings.policies_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
