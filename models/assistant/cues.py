"""What shoppers say to have something done, as expressions in English and Chinese; names are in the lexicon."""

import re
from collections.abc import Mapping
from typing import Final


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NOT_HUMAN = r"(?:robots?|(?:chat)?bots?|machines?|computers?|programs?|software|automat(?:ed|ic)|ai|artificial \w+)"
_BEING = r"(?:humans?|persons?|people|real person|somebody|someone)"
_SPEAKS = r"(?:talk|speak|chat|writ|answer|read|repl|behind|typ|deal)\w*"
MACHINE: Final = _any(
    rf"\b(?:are|r) (?:you|u)\b[^.?]{{0,25}}\b(?:{_NOT_HUMAN}|{_BEING}|real|an? ai)\b",
    rf"\b(?:you|u)(?:'re| are)\b[^.?]{{0,25}}\b{_NOT_HUMAN}\b",
    rf"\b(?:is|was) (?:this|it|that|there)\b[^.?]{{0,25}}\b(?:{_NOT_HUMAN}|{_BEING})\b"
    r"(?! (?:i|we) (?:can|could)|.{0,12}\b(?:available|around))",
    rf"\b{_BEING}\b[^.?]{{0,15}}\b{_SPEAKS} (?:me|this|these|here|it)\b|\b{_BEING}\b[^.?]{{0,25}}\b{_NOT_HUMAN}\b",
    rf"\b(?:am|are|do|did) (?:i|we)\b[^.?]{{0,12}}\b{_SPEAKS}[^.?]{{0,12}}\b(?:{_NOT_HUMAN}|{_BEING}|whom?)\b",
    r"\bwho (?:are you|am i)\b|\bwhat are you\b",
    "你(?:到底|其实)?(?:是|就是)(?:不是)?(?:一?个)?(?:机器|真人|人工智能|机器人|人吗|ai(?![a-z])|电脑|程序|客服吗)|是真人(?:吗|还是)",
    "是机器人?(?:吗|还是|吧)|你是谁|自动回复|(?:是|跟|和|与)[^，。]{0,6}(?:电脑|机器|程序|(?<![a-z])ai(?![a-z])|人工智能)(?:吗|聊|说|对话|还是|在)?",
    "人还是(?:机器|电脑|ai(?![a-z]))",
)
_STAFF = (
    r"(?:humans?|persons?|people|agents?|representatives?|colleagues?|someone|somebody|anyone|anybody|staff|employees?"
    r"|operators?|advis[eo]rs?|team|support|assistant manager|manager|supervisor)"
)
_REACH = (
    r"(?:talk|speak|chat|connect|transfer|put|get|pass|hand|reach|want|need|prefer|give|help|contact|word|call|deal|see"
    r"|forward|switch|escalate|let)\w*"
)
HUMAN: Final = _any(
    rf"\b{_REACH}\b[^.?]{{0,35}}\b{_STAFF}\b",
    rf"\b{_STAFF}\b[^.?]{{0,30}}\b(?:talk|speak|chat|help|contact|call|around|available|there|reach|take over)\w*\b",
    r"\b(?:real|actual|live|human) (?:human|person|agent|being|people|advisor|help)\b",
    r"\bcustomer (?:service|support|care)\b|\bcall me\b|\bcomplain(?:t|ts)?\b|\bhelp ?desk\b",
    "转?人工|真人|转接|(?:找|跟|和|与|让|叫|要|联系|换)(?:一?个|一下|你们)?(?:的)?(?:人|客服|经理|工作人员|店员|同事)",
    "客服人员|投诉|工作人员",
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
    r"\b(?:orders?|parcels?|packages?|purchases?|shipments?|things|stuff|goods|items?) (?:that )?(?:i|i've"
    r"|i have|i'm|i am)\b",
    r"\border (?:status|number|history|no\.?|#|id)|\b(?:track|tracking)\b|\border\s*#?\s*[a-z]*-?\d{3,}",
    r"\b(?:did|have) i (?:\w+ )?(?:buy|bought|order|ordered|purchase|purchased|pay|paid|spend|spent|get|got)\b",
    r"\bi (?:\w+ )?(?:bought|ordered|purchased|paid|spent)\b.*\?|\bwhat i (?:\w+ )?(?:bought|ordered)\b|#w\d+",
    "我(?:的|上次|最近|之前|刚|上一次|上个月|前几天)?(?:那个|那笔|上一个|上一笔|最近的?|上次的?|一次|刚刚?)?"
    "(?:订单|包裹|快递|买(?:过|了|的)|下的?单|购买|下单)",
    "订单(?:号|状态|编号|到哪|在哪|历史|记录|的?金额)|查(?:一下|询)?(?:我的)?(?:订单|物流|快递)|花了多少|付了多少",
    "(?:上|前|这|那|最近)(?:一|几|的|那)?(?:单|笔订单|个订单|次订单)",
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
    r"\b(?:similar|alternatives?|comparable|resembl\w+|substitutes?|replacement|equivalents?|look-?alikes?)\b",
    r"\b(?:instead|in place|in lieu) of\b|\binstead\b(?=[^.]*\b(?:item|one|this|that|it)\b)",
    r"\b(?:something|anything|others?|ones?|more|else|much) (?:\w+ ){0,2}like (?:it|this|that|the|those)\b"
    r"|\bclose to the\b",
    "类似|替代|代替|差不多|相似|同类|同款|平替|相近|(?:跟|和|像)[^，。]{0,30}(?:一样的?|那样的?|似的)",
)
GOES_WITH: Final = _any(
    r"\b(?:go|goes|going|pair|pairs|fits?|works?|matches|match|suits?|combine[sd]?)(?: well| nicely| best)? with\b",
    r"\bwhat (?:\w+ )?(?:matches|suits|complements?|accompanies)\b|\bcomplement\w*|\baccessor\w+|\badd-?ons?\b"
    r"|\bextras?\b",
    r"\b(?:bought|buy|purchase|get|take) (?:\w+ )?(?:together|along|alongside|with)\b|\bcompatible\b|\balong ?side\b",
    r"\bwhat else (?:do|should|would|might|could|to)\b|\bcomplete the\b|\btogether with\b",
    "搭配|配件|一起买|配(?:什么|点|个)|兼容|(?:还|再)(?:需要|要|得|该)?(?:买|配)|配套|通常会买|搭什么|同时买",
)
RECOMMEND: Final = _any(
    r"\brecommend|\bsuggest|\bbest[- ]?sell\w*|\bpopular\b|\bfavou?rites?\b|\bwhat do (?:people|others"
    r"|you) (?:buy|like)"
    r"|\btop rated\b|\bbest\b|\btrending\b|\bany ideas?\b|\bgift ideas?\b|\bwhat(?:'s| is) (?:hot|good)",
    "推荐|热门|畅销|最好的|爆款|卖得(?:最)?好|人气|建议|最受欢迎",
)
CHEAPER: Final = _any(
    r"\bcheaper\b|\bless (?:expensive|money|pricey|dear)\b|\blower[- ]?price|\blower in price\b|\bcosts? less\b",
    r"\btoo (?:expensive|dear|pricey|much|costly)\b|\b(?:more|bit) (?:affordable|economical|reasonable)\b",
    r"\bnot (?:so|that|as|too|quite so) (?:expensive|pricey|dear|costly)\b|\b(?:over|above|beyond|out of"
    r"|outside) (?:my|the|our) (?:budget|price range|means)\b",
    r"\bcan'?t afford\b|\bsteep\b",
    "便宜(?:一)?(?:点|些)|更便宜|再便宜|太贵|(?:有点|偏|好)贵|低价|价格(?:再|更)?低|更?实惠(?:点|些|的)?|超(?:出|过)?(?:了)?预算|买不起",
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
    r"\b(?:any|either|whatever|whichever)(?:thing|one| of them| will do| is fine)?\W*$",
    r"\b(?:doesn'?t|does not|don'?t|do not|not|none of (?:it|that|these|those)) (?:really )?"
    r"(?:matters?|mind|care|bothered|fussy|fussed|bother)\b|\b(?:you|your) (?:choose|choice|pick|decide)\b|\bskip\b",
    r"\bno preferences?\b|\b(?:all the same|up to you|no idea|not sure)\b|\banything goes\b|\bsurprise me\b"
    r"|\bdon'?t know\b",
    "随便|都(?:可以|行|好)|无所谓|没(?:什么)?要求|不限|不介意|不挑|没有?(?:偏好|特别要求)|不确定|你(?:看着办|定|选|决定)|听你的|不重要|没关系|跳过",
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
CHEAPEST: Final = _any(
    r"\bcheap(?:er|est)?\b|\b(?:lowest|lower|best|smaller) price|\b(?:least|less) expensive"
    r"|\bcosts? (?:the )?le(?:ss|ast)\b",
    r"\bsaves? (?:me )?(?:\w+ )?money\b",
    "便宜|最低价|(?:价格|价钱|价)(?:更|比较|最)?低|省钱",
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
    **{word: n for n, word in enumerate(("one", "two", "three", "four", "five"))},
}
_ORDINAL: Final = re.compile(
    r"\b(first|second|third|fourth|fifth|1st|2nd|3rd|4th|5th)\b|\b(?:number|no\.?|#|option)\s*([1-5]|one|two"
    r"|three|four|five)\b"
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
    r"(?:\bbudget(?: is| of|:)?|\bspend(?: up to| at most)?|\bi (?:only )?have|\bno more than|\b(?:not|no"
    r"|isn'?t|aren'?t) (?:more expensive|pricier|dearer|higher) than"
    r"|\bexceed(?:ing)?|\blimit(?: is| of|:)?|\bceiling(?: is| of)?|\bmax\.?"
    r"|\bmaximum|\bwithin|\bnot exceeding|\bstay(?:ing)? (?:under|below))"
    r"\s*(?:about|around)?\s*[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)"
    r"|[$€£¥]?\s?(\d{1,6}(?:[.,]\d{1,2})?)\s?(?:[$€£¥]|eur|euros?|bucks|dollars?)?\s?(?:or less|or under|tops"
    r"|max(?:imum)?|at (?:the )?most|is my (?:limit|max(?:imum)?|budget))"
    r"|(?:预算|最高|只有|上限|封顶)(?:是|在|只有|大概|为)?\s?(\d{1,6})|(?:最多|不超过|别超过|不要超过|顶多|低于|少于|小于)\s?(?:花)?\s?(\d{1,6})"
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
