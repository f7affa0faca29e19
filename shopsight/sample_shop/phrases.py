"""Sentence patterns of the utterance grammar; the braces are filled with facts of the shop's own items."""

from typing import Final


def _patterns(text: str) -> tuple[str, ...]:
    """Split patterns at bars and line ends."""
    return tuple(pattern.strip() for line in text.strip().splitlines() for pattern in line.split("|"))


USES: Final = _patterns("""
a gift | every day | a beginner | travelling | my daughter | my dad | the office | winter | a small flat
long weekends
""")
OPENINGS: Final = _patterns("""
Hi, | Hello, | Hey there, | Quick one: | Good morning, | Excuse me, | Hi team, | Sorry to bother you,
""")

KEYWORDS: Final = {
    "search_product": _patterns("""
{noun} | {brand} {noun} | {colour} {noun} | {kind} {noun} | {model} | {brand} {kind} {noun} | {noun} {trait}
{trait} {noun} | {noun} under {budget} | cheap {noun} | best {noun} | {noun} for {use}
{kind} {noun} {colour} | {model} {colour} | {noun} sale | {brand} | {noun} {budget} euro
{kind} {trait} {noun} | new {brand} {noun} | top rated {noun} | {model} {noun} | {model} {kind} {noun}
buy {model} | {colour} {model}
"""),
    "compare_product": _patterns("""
{model} vs {rival} | {model} or {rival} | {model} versus {rival} | {model} vs. {rival} {noun}
difference {model} {rival} | {brand} vs {rival} | {model} compared to {rival} | compare {model} {rival}
{model} {rival} comparison | {noun} {model} or {rival} better
"""),
    "ask_question": _patterns("""
is {model} {trait} | return policy {noun} | how long delivery {noun} | {model} {trait}? | {model} warranty
how to clean {noun} | what size {model} | when is {model} back in stock | does {model} fit {use}
{noun} returns how many days | can i use {model} for {use}
"""),
    "leave_review": ("{model} is great",),
    "other": _patterns("""
login | my account | hello | order status | cancel my order | newsletter | contact | jobs | opening hours
asdf | thanks | voucher code | track parcel | change address | unsubscribe | store near me | test
password reset | invoice | speak to someone
"""),
}

SENTENCES: Final = {
    "search_product": _patterns("""
I am looking for {kind} {noun} in {colour} | show me {noun} under {budget} euro | I need {noun} for {use}
do you have any {trait} {noun} | find me a {brand} {noun}
looking for something {trait}, ideally {noun} from {brand} | can you show me the {colour} {noun}
I want to buy {noun} that are {trait} | any {kind} {noun} on sale? | please recommend {noun} for {use}
where can I find {model} | I would like {noun}, {trait} and not over {budget}
need new {noun} for {use}, {trait} please | do you sell {brand} {noun}? | I am looking for the {model}
show me the {model} in {colour} | I want to buy the {model} | take me to the {model} {noun}
"""),
    "compare_product": _patterns("""
which is better, {model} or {rival}? | what is the difference between {model} and {rival}?
should I get the {model} or the {rival} for {use}? | is {model} more {trait} than {rival}?
how does the {model} compare with the {rival}? | torn between {model} and {rival}, which one would you take?
{model} or {rival}: which one is better for {use}? | is it worth paying more for {model} over {rival}?
compare the {model} with the {rival} please | would you pick {model} over {rival}?
does {rival} beat {model} when it comes to being {trait}?
what are the pros and cons of {model} against {rival}?
"""),
    "ask_question": _patterns("""
is the {model} {trait}? | how long does delivery take for the {model}?
can I return the {noun} if it does not fit? | does the {model} come with a warranty?
is this {noun} suitable for {use}? | how do I clean the {noun}? | what material is the {model} made of?
when will the {model} be back in {colour}? | does it come in {colour}?
is this really {trait}? I need it for {use} | what size should I take?
are spare parts available for the {model}? | how heavy is it? | can two people use the {model}?
is the {noun} {trait} and {trait2}? | will the {model} arrive before the weekend? | where is the {model} made?
do I need anything else to use the {model}?
"""),
    "leave_review": ("The {model} is great.",),
    "other": _patterns("""
thanks for your help! | I want to change my delivery address | my parcel has not arrived yet
please cancel my last order | I forgot my password | can I talk to a person?
the page does not load on my phone | do you have open positions? | how are you today?
please delete my account | I did not get the voucher you promised | your newsletter comes too often
have a nice day | I was charged twice | the coupon does not work | good morning everyone
where do I enter the gift card? | please send me the invoice again
"""),
}

VERDICTS: Final = {
    "good": _patterns("""
Love it! | The {model} is excellent. | Very happy with this {noun}. | Exactly what I needed. | Five stars.
Great {noun} for the price. | Bought this for {use} and it is perfect. | Could not be happier with my {model}.
Really {trait}, as promised. | Best {noun} I have owned. | My second {brand} and again a hit.
Works like a charm. | Super {noun}, fast delivery.
"""),
    "mixed": _patterns("""
It is okay. | Decent {noun}, but not perfect. | The {model} does its job. | Good idea, average quality.
Not bad for the money. | I expected a bit more from {brand}. | Three stars from me.
Fine for {use}, no more than that. | Mixed feelings about this {noun}.
"""),
    "bad": _patterns("""
Very disappointed. | The {model} broke after two weeks. | Not {trait} at all.
Would not buy this {noun} again. | Waste of money. | Poor quality, I sent it back. | Arrived damaged.
One star is too much. | Does not match the description. | Looks nothing like the picture.
"""),
}

DETAILS: Final = {
    "good": _patterns("""
It is {trait} and {trait2}. | I use it for {use}. | The {colour} looks even better than in the pictures.
It has held up well for months. | Good value compared with what I had before. | My family loves it too.
The material feels solid. | It fits perfectly. | Set up in no time.
"""),
    "mixed": _patterns("""
It is {trait}, but the finish is cheap. | The {colour} is paler than shown. | Okay for {use}.
Delivery took long. | I hoped it would be more {trait}.
"""),
    "bad": _patterns("""
It is neither {trait} nor {trait2}. | The {colour} faded quickly. | Support never answered.
Useless for {use}. | The seams came apart. | It smelled odd.
"""),
}

CLOSINGS: Final = {
    "good": _patterns("""
Highly recommended. | Would buy again. | Thank you! | Worth every cent. | Will order more from {brand}.
10/10
"""),
    "mixed": _patterns("""
Might return it. | You get what you pay for. | Let us see how long it lasts.
"""),
    "bad": _patterns("""
Avoid. | I want my money back. | Never again {brand}. | Save your money. | Stay away from this one.
"""),
}

CHINESE: Final = {
    "search_product": _patterns("""
{zh} | {brand} {zh} | {colour_zh}{zh} | {zh} {budget}以内 | 便宜的{zh} | 我想买{zh} | 有没有{colour_zh}的{zh}
推荐一款{zh} | {model} | 送人的{zh} | 帮我找{brand}的{zh} | {model} {zh} | 我想买{model} | {colour_zh}{model}
"""),
    "compare_product": _patterns("""
{model}和{rival}哪个好 | {model} vs {rival} | {model}跟{rival}有什么区别 | 买{model}还是{rival}
{model}比{rival}好吗 | {model}和{rival}怎么选 | {zh}：{model}对比{rival}
"""),
    "ask_question": _patterns("""
这款{zh}怎么清洗？ | {model}有保修吗 | 什么时候发货？ | 这个{zh}有{colour_zh}的吗 | 不合适可以退货吗？
{model}是什么材质的 | {zh}多重？ | 几天能到？ | {model}适合新手吗？
"""),
    "other": _patterns("""
你好 | 谢谢 | 我要修改地址 | 订单还没到 | 转人工客服 | 忘记密码了 | 优惠券不能用 | 取消订单 | 早上好
发票怎么开
"""),
}

CHINESE_REVIEWS: Final = {
    "good": _patterns("""
非常好，很喜欢！ | {zh}质量很好，{colour_zh}很漂亮 | 物超所值，推荐购买 | {model}用了一个月，很满意
发货快，{zh}不错 | 第二次买{brand}了，五星好评
"""),
    "mixed": _patterns("""
一般般吧 | {zh}还可以，就是有点贵 | 质量凑合 | {model}没有想象中好
"""),
    "bad": _patterns("""
质量太差了，退货 | {zh}用了两天就坏了 | 很失望，不推荐 | 和描述不符 | {brand}以后不会再买了
"""),
}
