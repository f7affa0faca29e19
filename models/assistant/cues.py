"""What shoppers say to have something done, as expressions in English and Chinese; names are in the lexicon."""

import re
from collections.abc import Mapping
from typing import Final


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


MACHINE: Final = _any(
    r"\bare (?:you|u|this) (?:a |an |really |even )*(?:real|human|person|robot|bot|machine|ai\b|computer|chatbot)",
    r"\b(?:am i|are we) (?:talking|speaking|chatting|writing) (?:to|with)\b",
    r"\bis (?:this|there) (?:a |an )?(?:bot|robot|machine|human|person|real person|ai|chatbot)\b",
    r"\bwho (?:are|am) (?:you|i talking)|\bwhat are you\b",
    "你是(?:不是)?(?:机器|真人|人工智能|机器人|人吗|ai|客服吗)|是真人(?:吗|还是)|是机器人(?:吗|还是)|你是谁",
)
HUMAN: Final = _any(
    r"\b(?:talk|speak|chat|connect|transfer|put|get|pass|hand|reach|want|need|prefer|give)\b.{0,30}"
    r"\b(?:human|person|agent|representative|colleague|someone|somebody|staff|employee|operator|advisor)\b",
    r"\b(?:real|actual|live|human) (?:human|person|agent|being|people|advisor)\b",
    r"\bcustomer (?:service|support|care)\b|\bcall me\b|\bcomplain(?:t|ts)?\b|\bsupervisor\b|\bmanager\b",
    "转?人工|真人|转接|找(?:一?个)?(?:人|客服|经理)|客服人员|投诉|(?:联系|叫|要)(?:一下)?(?:你们)?(?:的)?客服",
)
GREETING: Final = _any(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings)\b[\s\w]{0,12}\W*$",
    r"^\W*(?:你好|您好|嗨|哈喽|早上好|下午好|晚上好|在吗|有人吗)\W*$",
)
THANKS: Final = _any(
    r"^\W*(?:ok(?:ay)?|great|perfect|super|cool|nice)?\W*(?:many )?(?:thanks|thank you|thx|cheers|ta|bye"
    r"|goodbye|see you)\b"
    r"[^?]{0,40}$",
    r"^\W*(?:好的?)?\W*(?:谢谢|多谢|感谢|再见|拜拜|谢了)[^?？]{0,12}$",
)
RESTART: Final = _any(
    r"\b(?:start|begin) (?:over|again|from scratch|afresh)\b|\b(?:reset|forget (?:it all|everything"
    r"|all (?:of )?that))\b",
    r"\bnew search\b",
    "重新(?:开始|找|来)|从头(?:开始|来)|全部(?:忘掉|清空)|清空(?:条件)?",
)
ORDERS: Final = _any(
    r"\bmy (?:\w+ ){0,2}?(?:orders?|parcels?|packages?|purchases?|shipments?|delivery|stuff|things)\b",
    r"\border (?:status|number|history|no\.?|#|id)|\b(?:track|tracking)\b|\border\s*#?\s*[a-z]*-?\d{3,}",
    r"\b(?:did|have) i (?:\w+ )?(?:buy|bought|order|ordered|purchase|purchased|pay|paid|spend|spent)\b",
    r"\bi (?:bought|ordered|purchased|paid|spent)\b.*\?|\bwhat i (?:bought|ordered)\b|#w\d+",
    "我(?:的|上次|最近|之前|上一次|上个月)?(?:那个|那笔|上一个|上一笔|最近的?|上次的?)?(?:订单|包裹|快递|买(?:过|了|的)|下的?单|购买)",
    "订单(?:号|状态|编号|到哪|在哪|历史|记录)|查(?:一下|询)?(?:我的)?(?:订单|物流|快递)|花了多少|付了多少",
)
ORDER_CHANGE: Final = _any(
    r"\b(?:cancel|change|modify|amend|edit|update|return|exchange|refund|send back|swap)\b.{0,30}\b(?:order"
    r"|item|purchase|parcel|address|it|this|that)\b",
    r"\b(?:change|update|wrong) (?:my |the )?(?:delivery |shipping |postal )?address\b|\bcharged twice\b"
    r"|\bmoney back\b",
    "(?:取消|修改|更改|变更|退掉|退|换)(?:一下)?(?:我的)?(?:订单|地址|这单|那单|收货)|(?:订单|地址)(?:要|想)?(?:取消|修改|改)|扣了两次|改(?:一下)?地址",
)
HOW_TO: Final = _any(
    r"\b(?:can|could|may|am i|is it|how|what|what's|when|do|does|will|would|where|which|are|if|who)\b|\?\s*$",
    "吗|怎么|如何|可以|能不能|多[久重长高宽大厚]|几天|什么|多少|能否|是否|哪|谁|[?？]",
)
COMPARE: Final = _any(
    r"\bcompar|\bvs\b\.?|\bversus\b|\bdifferen|\bside by side\b|\bwhich (?:one )?(?:is|of|should|would|do)\b|\bbetter\b"
    r"|\bpros and cons\b|\bagainst\b|\btorn between\b|\bhow do (?:they|these|those)\b",
    "对比|比较|区别|哪个(?:更|比较)?(?:好|便宜|值|划算)|差别|不同|还是|pk|怎么选|相比|比一比|比一下",
)
SIMILAR: Final = _any(
    r"\b(?:similar|alternative|alternatives|comparable|resembl\w+|instead of (?:it|this|that|the))\b"
    r"|\b(?:something|anything|others?|ones?|more) like (?:it|this|that|the|those)\b",
    "类似|替代|代替|差不多的|相似|同类|跟(?:它|这个|这款)一样的",
)
GOES_WITH: Final = _any(
    r"\b(?:go|goes|going|pair|pairs|fits?|works?|matches|match)(?: well)? with\b|\baccessor\w+|\b(?:bought"
    r"|buy) (?:together|with)\b"
    r"|\bcompatible\b|\badd-?ons?\b|\bwhat else (?:do|should|would|might)\b|\bcomplete the\b|\balong ?side\b",
    "搭配|配件|一起买|配什么|兼容|还(?:需要|要)(?:买|配)|配套|通常会买|搭什么",
)
RECOMMEND: Final = _any(
    r"\brecommend|\bsuggest|\bbest[- ]?sell\w*|\bpopular\b|\bfavou?rites?\b|\bwhat do (?:people|others"
    r"|you) (?:buy|like)"
    r"|\btop rated\b|\bbest\b|\btrending\b|\bany ideas?\b|\bgift ideas?\b|\bwhat(?:'s| is) (?:hot|good)",
    "推荐|热门|畅销|最好的|爆款|卖得(?:最)?好|人气|建议|最受欢迎",
)
CHEAPER: Final = _any(
    r"\bcheaper\b|\bless expensive\b|\blower price|\btoo (?:expensive|dear|pricey|much)\b|\bmore affordable\b"
    r"|\bcost less\b",
    "便宜(?:一)?(?:点|些)|更便宜|太贵|再便宜|低价|价格低",
)
DEARER: Final = _any(
    r"\b(?:more expensive|pricier|higher (?:end|quality|price)|more upmarket|more premium|fancier)\b",
    "贵一?点|高端|更贵|好一点的|档次高",
)
MORE: Final = _any(
    r"\b(?:show|see|any|got|have|give|are there|what) (?:me )?(?:some |any )?(?:more|others?|else)\b"
    r"|\bmore (?:options|results|choices|of them|like that)\b"
    r"|\bnext(?: page| ones)?\b|\bsomething else\b|\bother (?:options|ones|choices)\b|\bwhat else (?:is"
    r"|do you have|have you)\b",
    "还有(?:吗|别的|其他|没有|更多|什么)|换一(?:批|些|个)|下一(?:页|批)|更多|别的(?:选择)?|其他的",
)
ANY: Final = _any(
    r"\b(?:any|either|whatever|whichever)(?:thing|one| of them| will do| is fine)?\W*$|\b(?:doesn'?t|does not"
    r"|don'?t|do not|not) "
    r"(?:really )?(?:matter|mind|care|bothered|fussy|fussed)\b|\bno preference\b|\b(?:all the same|up to you"
    r"|no idea|not sure)\b|\banything goes\b",
    "随便|都(?:可以|行|好)|无所谓|没要求|不限|不介意|不挑|没有?(?:偏好|特别要求)|不确定|你(?:看着办|定)",
)
DROP: Final = _any(
    r"\b(?:forget|drop|remove|ignore|lose|skip|without|never mind|scrap) (?:about )?(?:the |that |any )?",
    r"\bany\s+\w+ (?:is fine|will do|works|is ok)|\b(?:doesn'?t|does not) matter",
    "(?:不用|不要|去掉|取消|忽略|不管|不限)(?:了)?|(?:无所谓|不重要|都行|都可以)",
)
DETAIL: Final = _any(
    r"\b(?:tell me (?:more|about)|more (?:details|about|info\w*)|describe|details|specs?|specifications?"
    r"|what(?:'s| is) (?:it|this|that|the .+) like)\b"
    r"|\binfo(?:rmation)? (?:on|about)\b",
    "介绍|详情|详细|具体(?:信息|参数)|参数|怎么样的|是什么样",
)
REVIEWS: Final = _any(
    r"\breviews?\b|\bpeople (?:say|think|like|complain)|\b(?:customers?|buyers?|others|shoppers|everyone|users"
    r"|owners) (?:say|think|like|happy|satisfied)"
    r"|\bratings?\b|\brated\b|\bstars\b|\bopinions?\b|\bfeedback\b|\bcomplain|\bany good\b|\bworth it\b",
    "评价|口碑|评分|评论|好评|差评|大家(?:觉得|怎么说|说)|买家(?:觉得|怎么说|说)|反馈|用户(?:觉得|怎么说)|几颗?星|好用吗|好不好",
)
PRICE: Final = _any(
    r"\bhow much\b|\bprice\b|\bcosts?\b|\bpricing\b", "多少钱|价格|价钱|售价|几块钱|怎么卖|贵不贵|什么价"
)
STOCK: Final = _any(
    r"\b(?:in|out of|on) stock\b|\bavailab|\bsold out\b|\bstill (?:have|got|sell)\b|\bcan i (?:still )?(?:buy"
    r"|get|order) (?:it|this|that)\b",
    "有货|现货|缺货|库存|卖完|还有(?:吗|货)|能买到|断货",
)
CHEAPEST: Final = _any(r"\bcheap(?:er|est)\b|\blowest price|\bleast expensive|\bless expensive", "便宜|最低价")
BEST_RATED: Final = _any(
    r"\bbetter (?:rated|reviews?)|\bbest rated|\bhighest rat|\bbetter ratings?",
    "评分(?:更|最)?高|口碑(?:更|最)?好|评价(?:更|最)?好",
)

ASPECTS: Final[Mapping[str, re.Pattern[str]]] = {
    "quality": _any(
        r"\bqualit\w+|\bdurab\w+|\bsturd\w+|\blast(?:s|ing)? long|\bbreak|\bbroke", "质量|做工|耐用|结实|品质"
    ),
    "price": _any(r"\bvalue\b|\bmoney\b|\bworth\b|\boverpriced", "性价比|值不值|划算|贵"),
    "delivery": _any(r"\bdeliver\w*|\bshipping\b|\bpackag\w+|\barriv\w+", "物流|快递|发货|送货|包装"),
    "service": _any(r"\bservice\b|\bsupport\b|\bseller\b", "服务|客服|售后"),
    "fit": _any(r"\bfits?\b|\bfitting\b|\bsiz(?:e|es|ing)\b", "尺码|尺寸|合身|大小"),
}
FACETS: Final[Mapping[str, re.Pattern[str]]] = {
    "brand": _any(r"\bbrands?\b|\bmake\b|\bmanufacturer\b|\bwho makes\b", "品牌|牌子|什么牌|厂家"),
    "category": _any(r"\bcategory\b|\bdepartment\b", "分类|类目|类别"),
    "colour": _any(r"\bcolou?rs?\b", "颜色|色号|什么色"),
    "material": _any(r"\bmaterials?\b|\bmade (?:of|from|out of)\b|\bfabric\b", "材质|材料|面料|什么做的"),
    "kind": _any(r"\bkinds?\b|\btypes?\b|\bstyle\b|\bsort of\b", "类型|款式|种类|哪种"),
    "pack": _any(
        r"\bpack(?: size)?s?\b|\bsizes?\b|\bhow (?:big|large|many)\b|\bweigh\w*|\bvolume\b",
        "包装规格|规格|容量|多大|几包|净含量|多少(?:克|毫升|升)",
    ),
    "size": _any(r"\bsizes?\b", "尺码|尺寸|多大"),
    "price": _any(r"\bprices?\b|\bbudgets?\b|\bcosts?\b", "价格|价钱|预算|价位"),
}
"""How shoppers name what an item has; of an attribute that is not here its own name counts."""

ORDINALS: Final[Mapping[str, int]] = {
    **{
        word: n
        for n, words in enumerate(
            (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th"), ("fifth", "5th"))
        )
        for word in words
    },
    **{word: n for n, word in enumerate("一二三四五")},
}
_ORDINAL: Final = re.compile(
    r"\b(first|second|third|fourth|fifth|1st|2nd|3rd|4th|5th)\b|\b(?:number|no\.?|#|option)\s*([1-5])\b"
    r"|第\s*([一二三四五1-5])\s*(?:个|款|件|双|种|只|条)?",
    re.IGNORECASE,
)
_LAST: Final = re.compile(r"\b(?:the )?last (?:one|item|of)\b|最后(?:一)?(?:个|款|件)", re.IGNORECASE)
_FIRST_TWO: Final = re.compile(r"\b(?:first|top) (?:two|2)\b|前(?:两|二|2)(?:个|款|件)", re.IGNORECASE)
_ALL: Final = re.compile(
    r"\b(?:them|these|those|all (?:three|of them)|the (?:two|three|others)|both)\b"
    r"|它们|这(?:几|些|两|三)(?:个|款|件)?|都",
    re.IGNORECASE,
)
_IT: Final = re.compile(
    r"\b(?:it|its|it's|this|that|this one|that one|the one)\b|它|(?:这|那|该)(?:个|款|件|双|只|条|种)?", re.IGNORECASE
)
AROUND: Final = re.compile(
    r"\b(?:around|about|roughly|approximately|circa|near|ca\.?)\s*[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)(?!\s?%)"
    r"|(\d{1,6}(?:[.,]\d{1,2})?)\s?(?:元|块|欧元|欧|块钱)?\s?(?:左右|上下)",
    re.IGNORECASE,
)
BUDGET: Final = re.compile(
    r"(?:\bbudget(?: is| of|:)?|\bspend(?: up to| at most)?|\bi (?:only )?have|\bno more than|\bmax\.?"
    r"|\bmaximum|\bwithin|\bnot exceeding|\bstay(?:ing)? (?:under|below))"
    r"\s*(?:about|around)?\s*[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)"
    r"|[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)\s?(?:[$€£¥]|eur|euros?|bucks|dollars?)?\s?(?:or less|or under|tops"
    r"|max(?:imum)?|at (?:the )?most|is my (?:limit|max(?:imum)?|budget))"
    r"|预算(?:是|在|只有|大概)?\s?(\d{1,6})|(?:最多|不超过|别超过|不要超过|顶多|低于|少于|小于)\s?(?:花)?\s?(\d{1,6})"
    r"|(\d{1,6})\s?(?:元|块钱|块|欧元|欧)?\s?(?:以内|以下|之内|内)",
    re.IGNORECASE,
)
FLOOR: Final = re.compile(
    r"(?:\bat least|\bover|\babove|\bmore than|\bfrom|\bstarting (?:at|from)"
    r"|\bminimum)\s*[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)"
    r"|(\d{1,6})\s?(?:元|块钱|块|欧元|欧)?\s?以上|(?:至少|高于|大于|超过)\s?(\d{1,6})",
    re.IGNORECASE,
)


def places_named(text: str, count: int) -> list[int]:
    """Return the places, from 0, of a list of ``count`` items that a text points to, such as "the second one".

    >>> places_named("compare the first two", 3), places_named("第二款多少钱", 3), places_named("tell me more", 3)
    ([0, 1], [1], [])
    """
    if _FIRST_TWO.search(text):
        places = [0, 1]
    else:
        words = ["".join(filter(None, m.groups())).casefold() for m in _ORDINAL.finditer(text)]
        places = [int(word) - 1 if word.isdigit() else ORDINALS[word] for word in words]
        if not places and _LAST.search(text):
            places = [count - 1]
    return [place for place in dict.fromkeys(places) if 0 <= place < count]


def points_to_all(text: str) -> bool:
    """Return whether a text speaks of several items at once that were shown before."""
    return _ALL.search(text) is not None


def points_to_one(text: str) -> bool:
    """Return whether a text speaks of the item that the talk is about."""
    return _IT.search(text) is not None
