"""The words that questions are made of, as patterns over lower-case text; docs/ask.md lists them for people."""

import re
from typing import Final

from models.asking.question import Kind

NUMBERS: Final = {
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
TIMES: Final = {"once": "1 times", "twice": "2 times", "thrice": "3 times"}
UNIT_DAYS: Final = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "quarter": 90, "year": 365}
"""Days of a unit of time; a month is 30 days."""

UNIT: Final = "|".join(UNIT_DAYS)
FUTURE_WINDOW: Final = re.compile(
    rf"(?:(?:with)?in|over|during|for|inside)?\s*(?:the\s+|their\s+)?(?:next|coming|following|upcoming)\s+"
    rf"(?:(\d+)[\s-]*)?({UNIT})s?\b"
)
PAST_WINDOW: Final = re.compile(
    rf"(?:(?:with)?in|over|during|for|inside)?\s*(?:the\s+|their\s+)?(?:last|past|previous|preceding)\s+"
    rf"(?:(\d+)[\s-]*)?({UNIT})s?\b"
)
BARE_WINDOW: Final = re.compile(
    rf"(?:(?:with)?in|over|during|for|inside)\s+(?:a\s+period\s+of\s+)?(\d+|an?)[\s-]*({UNIT})s?\b"
)
TODAY: Final = re.compile(r"\b(?:yesterday|today)\b")
TOMORROW: Final = re.compile(r"\btomorrow\b")

CURRENCY: Final = r"(?:euros?|eur|€|\$|£|dollars?|usd|pounds?|gbp|yuan|cny|rmb|zloty|pln)"
AMOUNT: Final = rf"(?:{CURRENCY}\s*)?(\d+(?:[.,]\d+)?)\s*(?:{CURRENCY}(?!\w))?"
MORE: Final = r"more than|over|above|upwards of|greater than"
AT_MIN: Final = r"at least|no less than|no fewer than|not less than|a minimum of|minimum|min\.?"
LESS: Final = r"less than|fewer than|under|below"
AT_MAX: Final = r"at most|no more than|not more than|up to|a maximum of|maximum|max\.?"
COUNTED: Final = (
    r"(?:separate |different |distinct )?"
    r"(times?|orders?|purchases?|items?|products?|articles?|things?|pieces?|goods|reviews?|ratings?|views?|visits?|"
    r"sessions?|search(?:es)?|questions?|returns?|refunds?|checkouts?)"
)

NOUNS: Final[dict[Kind, str]] = {
    "order": r"orders?|purchases?",
    "refund": r"returns?|refunds?",
    "review": r"reviews?",
    "rating": r"ratings?",
    "search": r"search(?:es)?",
    "question": r"questions?",
    "visit": r"visits?|sessions?",
    "view": r"(?:item |product )?views?",
    "checkout": r"checkouts?",
}
FILLER: Final = (
    r"(?:(?:an?|the|any|another|some|one|more|further|new|next|their|his|her|no|of|single|repeat|second|product|item|"
    r"\d+|@\d+)\s+)*"
)
LIGHT: Final = {
    "future": r"places?|makes?|do(?:es)?|gives?|submits?|writes?|leaves?|posts?|asks?|requests?|starts?|begins?|gets?|"
    r"runs?",
    "past": r"placed|made|done|gave|given|submitted|wrote|written|left|posted|asked|requested|started|began|begun|got|"
    r"ran|with(?:out)?|having|have|has|had",
}
"""Verbs that take their meaning from the noun after them; to have so many orders is of the past."""

_CART: Final = (
    r"(?:@\d+|[a-z]+|\d+|\s)*?\b(?:to|into|in)\s+(?:an?\s+|the\s+|their\s+)?(?:shopping\s+)?(?:cart|basket|bag)\b"
)
_WISH: Final = (
    r"(?:@\d+|[a-z]+|\d+|\s)*?\b(?:to|on|onto|in)\s+(?:an?\s+|the\s+|their\s+)?(?:wish\s?-?list|favou?rites)\b"
)
_SHOP: Final = r"(?:\s+(?:to\s+)?(?:us|the\s+(?:shop|store|site|website)|our\s+(?:shop|store|site|website)))?"
_THING: Final = (
    r"(?:@\d+|items?|products?|articles?|things?|goods|something|anything|orders?|purchases?|it|them|pieces?)"
)
_OBJECT: Final = rf"(?=\s+(?:(?:an?|the|any|some|one|more|their|of|at|least|than|\d+)\s+)*{_THING}\b)"

VERBS: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("cart", rf"(?:adds?|puts?|places?)\b{_CART}", rf"(?:added|put|placed)\b{_CART}"),
    (
        "wishlist",
        rf"(?:adds?|puts?|saves?)\b{_WISH}|wish(?:es)? for|wish-?lists?",
        rf"(?:added|put|saved)\b{_WISH}|wished for",
    ),
    ("checkout", r"checks? out|(?:reach(?:es)?|goes? to) (?:the )?checkout", r"checked out|reached (?:the )?checkout"),
    (
        "refund",
        rf"returns?{_OBJECT}|sends?{_OBJECT}|(?:sends?|gives?|brings?) back|refunds?{_OBJECT}",
        rf"returned{_OBJECT}|sent{_OBJECT}|(?:sent|gave|given|brought) back|refunded{_OBJECT}|returned(?!\s+to)",
    ),
    (
        "visit",
        rf"(?:comes?|be|are|get) back{_SHOP}|returns? to{_SHOP}|visits?{_SHOP}|comes? to{_SHOP}|be (?:active|seen)|are "
        r"(?:active|seen)|shows? up|log(?:s)? in",
        rf"(?:came|been|were) back{_SHOP}|visited{_SHOP}|came to{_SHOP}|"
        r"(?:been|were) (?:active|seen)|showed up|logged in|returned to the (?:shop|store|site)",
    ),
    (
        "view",
        r"views?|looks? at|sees?|browses?|clicks?(?: on)?|opens?",
        r"viewed|looked at|saw|seen|browsed|clicked(?: on)?|opened",
    ),
    ("rating", r"rates?", r"rated"),
    ("review", rf"reviews?{_OBJECT}", r"reviewed"),
    ("search", r"search(?:es)?(?: for)?|looks? for", r"searched(?: for)?|looked for"),
    (
        "order",
        r"re-?orders?|re-?buys?|buys?|orders?|purchases?|convert(?:s)?|shops?",
        r"re-?ordered|bought|ordered|purchased|converted|shopped",
    ),
)
"""Kind, what is said of the future (or of habit), what is said of the past; the first that matches counts."""

SPEND: Final = {"future": r"spends?", "past": r"spent"}
CHURN: Final = {
    "future": r"(?:stop|quit|cease)s?\s+(?:buying|ordering|purchasing|shopping)|churns?|lapses?|defects?|"
    r"leaves?\s+(?:us|the shop)",
    "past": r"(?:stopped|quit|ceased)\s+(?:buying|ordering|purchasing|shopping)|churned|lapsed|defected",
}
NEGATION: Final = re.compile(r"\b(?:not|never|no longer|nor|neither|without|cannot|fail(?:s|ed)? to|n't)\b|n't\b")
_CART_NAME: Final = r"(?:an?|the|their) (?:shopping )?(?:carts?|baskets?)\b"
_LAST_ORDER: Final = r"\bwhose (?:last|latest|most recent) (?:order|purchase) (?:was|is|lies)"
IDIOMS: Final = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (r"\bbecomes? (?:an? )?(?:customers?|buyers?)\b", "place their first order"),
        (rf"\babandons? {_CART_NAME}", "put an item into the cart and do not order"),
        (
            rf"\b(?:have |has )?abandoned {_CART_NAME}((?: (?:in|within) the (?:last|past) \d* ?\w+)?)",
            r"have put an item into the cart\1 and have not ordered\1",
        ),
        (
            rf"{_LAST_ORDER} (?:more than|over|at least) (\d+) (\w+?)s? ago\b",
            r"who have not ordered in the last \1 \2s",
        ),
        (
            rf"{_LAST_ORDER} (?:less than|within|under|in) (?:the last )?(\d+) (\w+?)s?(?: ago)?\b",
            r"who have ordered in the last \1 \2s",
        ),
        (
            r"\b(?:one|first)[- ]time (?:customers|buyers|shoppers|purchasers)\b",
            "customers who have ordered exactly 1 times",
        ),
        (r"\brepeat (?:customers|buyers|shoppers|purchasers)\b", "customers who have ordered 2 times"),
        (r"\b(?:that|which) costs?\b", "costing"),
        (r"\b(?:that |which )?they (?:have )?(?:bought|ordered|purchased)\b", ""),
        (r"\b(?:have|has) been inactive\b", "have not visited"),
        (r"\b(?:are|be|is|become|becomes|go|stay) (?:inactive|dormant)\b", "do not visit"),
    )
)
"""Sayings, and what they mean in words of the grammar."""
AGAIN: Final = re.compile(
    r"\b(?:(?:repeat|another|second) (?=orders?|purchases?)|again|once more|another time|repeatedly|a second time|"
    r"re-?orders?|re-?buys?)\b"
)
FIRST: Final = re.compile(r"\b(?:for the first time|(?:their|a|the)?\s*first)\b")

SUBJECTS: Final = {
    "customers": r"customers?|buyers?|clients?|purchasers?",
    "shoppers": r"shoppers?|users?|visitors?|people|persons?|everyone|everybody|anyone|anybody|members?|"
    r"households?|consumers?",
}
SESSIONS: Final = re.compile(
    r"^\W*(?:(?:which|what|predict|the|open|running|how many|of|all)\s+)*(?:sessions?|visits?)\b"
)

PROTECTED: Final = re.compile(
    r"\b(?:genders?|sex|women|woman|men|man|males?|females?|girls?|boys?|ladies|gentlemen|age|ages|aged|age_band|older|younger|"
    r"elderly|seniors?|teenagers?|years? old|ethnic\w*|rac(?:e|es|ial)|relig\w+|muslims?|christians?|jew\w*|pregnan\w*|"
    r"disab\w+|health\w*|ill|sick|gay|lesbian|sexual\w*|nationalit\w+|politic\w*|married|mothers?|fathers?|parents?)\b"
)
"""Attributes of people that no question may choose by, nor ask for."""
STANDING: Final = re.compile(
    r"\b(?:segments?|life.?cycle|stages?|loyal|at risk|champions?|hibernating|lost|prospects?|rfm|taste groups?|"
    r"clusters?|"
    r"win.?back|scores?|predicted|predictions?|probability of|churn (?:score|probability|risk)|embeddings?|treated|"
    r"hold.?out|held out|bots?)\b"
)
"""What the marts say of today: at an earlier cut-off it was not known."""
PEEKING: Final = re.compile(
    r"\b(?:using|given|knowing|based on|provided|according to|conditioned on|by)\b[^,;]*?\b(?:next|future|later|after|"
    r"following|coming|will|afterwards|upcoming|outcome|label|revenue_after|days_to_next_order|observed_days)\b"
    r"|\bwhose (?:next|future|coming|following|later)\b|\bwith an? (?:future|coming|later)\b"
    r"|\b(?:revenue_after|days_to_next_order|observed_days|churned_label|label)\b"
)
"""A feature or condition that lies behind the cut-off."""
FUTURE_PERFECT: Final = re.compile(r"\b(?:will|would|'ll)\s+(?:not\s+)?have\b")
WILL: Final = re.compile(r"\b(?:will|going to|'ll|shall|would|could|might|may|likely to|about to|expected to)\b|won't")
AMONG: Final = re.compile(r"^\W*(?:among|amongst|of|from|for|out of|given|if|considering)\b")

_SAY_NOTHING: Final = """
    a about again all already also altogether am among amongst an and another any anything are article
    articles as at back be been being but by can case chance chances could did different distinct do
    does during each estimate ever every expected find first for forecast fraction from further get gets
    give going goods had has have having her his how i if in into is it item items its just kind least
    likelihood likely list make makes many may me might money more much new next of on one ones online
    only or other our out over overall percent percentage piece pieces place places please predict
    probability product products revenue separate shall share shop show single site so some something
    still store sum tell that the their them then there these they thing things this those time times to
    total up us was we website were what whatever whether which who whom whose will with within would
"""
STOP_WORDS: Final = frozenset(_SAY_NOTHING.split())
"""Words that say nothing by themselves; a question with any other word left over is refused."""
