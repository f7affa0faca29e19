"""How shoppers say what the benchmark has them want. Nothing of the assistant's own expressions is read here.

``SEEN`` was read while the assistant was built. ``HELD_OUT`` was written once, before the first run, and the assistant
was never changed for what it got wrong there: its figures are reported apart. Braces are filled with facts of the shop.
"""

from collections.abc import Mapping
from typing import Final

Bank = Mapping[str, Mapping[str, tuple[str, ...]]]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


SEEN: Final[Bank] = {
    "en": {
        "find": _lines("""
            I'm after {noun} in {value}
            do you carry {value} {noun}?
            {value} {noun} please
            show me some {noun}, {value} if possible
            hi, looking for {value} {noun}
            {noun} {value}
        """),
        "find_brand": _lines("""
            any {noun} made by {brand}?
            I'd like {brand} {noun}
            {brand} {noun}
            what {noun} do you have from {brand}
        """),
        "find_price": _lines("""
            {noun} for less than {budget} euro
            I need {noun}, my budget is {budget}
            {noun} under {budget}
            got any {noun} up to {budget} EUR?
            {noun} that cost at most {budget}
        """),
        "broad": _lines("""
            I need {noun}
            do you sell {noun}?
            show me {noun}
            {noun}
            I want to buy {noun} for a friend
        """),
        "answer": _lines("""
            {value}
            {value} please
            I'd go for {value}
            make it {value}
        """),
        "no_preference": _lines("""
            I don't care
            any is fine
            doesn't matter
        """),
        "change_value": _lines("""
            actually, {value} instead
            hmm, I'd rather have {value}
            no wait, {value}
            change that to {value}
        """),
        "add_price": _lines("""
            and not over {budget} euro
            but it must cost less than {budget}
            max {budget} please
        """),
        "not_value": _lines("""
            {noun}, but not {value}
            {noun} in anything but {value}
            I want {noun}, no {value} please
        """),
        "cheaper": _lines("""
            anything cheaper?
            that's too expensive
            do you have something less expensive?
        """),
        "compare": _lines("""
            compare {model} with {rival}
            {model} vs {rival}
            what's the difference between the {model} and the {rival}?
            {model} or {rival}, which is better?
        """),
        "which_cheaper": _lines("""
            which one is cheaper?
            and which is the cheaper one?
        """),
        "price": _lines("""
            how much is the {model}?
            what does the {model} cost?
            price of {model}
        """),
        "stock": _lines("""
            is the {model} in stock?
            do you still have the {model} available?
            {model} - sold out or available?
        """),
        "attribute": _lines("""
            what {facet} is the {model}?
            which {facet} does the {model} have?
            tell me the {facet} of the {model}
        """),
        "nobody_knows": _lines("""
            how heavy is the {model}?
            in which country is the {model} produced?
            how old is the designer of the {model}?
        """),
        "reviews": _lines("""
            what do people say about the {model}?
            reviews of {model}
            how is the {model} rated?
            are buyers happy with the {model}?
        """),
        "goes_with": _lines("""
            what goes well with the {model}?
            which accessories fit the {model}?
            what do people buy together with the {model}?
        """),
        "similar": _lines("""
            show me something similar to the {model}
            any alternatives to the {model}?
            I want something like the {model}
        """),
        "second_price": _lines("""
            how much is the second one?
            what does number 2 cost?
        """),
        "last_order": _lines("""
            what did I order last?
            where is my order?
            show me my latest order
            can you look up my last purchase
        """),
        "paid": _lines("""
            how much did I pay for my last order?
            what was the total of my last order?
        """),
        "person": _lines("""
            I want to talk to a human
            can I speak to someone please?
            get me a real person
            put me through to customer service
        """),
        "machine": _lines("""
            are you a robot?
            am I talking to a real person?
            is this a bot?
        """),
        "nonsense": _lines("""
            what is the capital of France?
            tell me a joke
            who won the match yesterday?
        """),
    },
    "zh": {
        "find": _lines("""
            我想要{value}的{noun}
            有{value}{noun}吗
            {value}{noun}
            想买{noun}，{value}的
        """),
        "find_brand": _lines("""
            {brand}的{noun}
            有没有{brand}牌的{noun}
            想看看{brand}{noun}
        """),
        "find_price": _lines("""
            {budget}元以内的{noun}
            {noun}，预算{budget}
            {noun} 不超过{budget}
        """),
        "broad": _lines("""
            我想买{noun}
            有{noun}吗
            {noun}
            看看{noun}
        """),
        "answer": _lines("""
            {value}
            {value}吧
            要{value}的
        """),
        "no_preference": _lines("""
            随便
            都可以
            无所谓
        """),
        "change_value": _lines("""
            还是{value}吧
            换成{value}的
            不，要{value}的
        """),
        "add_price": _lines("""
            要{budget}以内的
            最多{budget}元
        """),
        "not_value": _lines("""
            {noun}，不要{value}的
            想买{noun}，除了{value}都行
        """),
        "cheaper": _lines("""
            有便宜点的吗
            太贵了
        """),
        "compare": _lines("""
            对比一下{model}和{rival}
            {model}和{rival}哪个好
            {model}跟{rival}有什么区别
        """),
        "which_cheaper": _lines("""
            哪个便宜
            哪一个更便宜？
        """),
        "price": _lines("""
            {model}多少钱
            {model}什么价格？
        """),
        "stock": _lines("""
            {model}有货吗
            {model}还有现货吗？
        """),
        "attribute": _lines("""
            {model}是什么{facet}的
            {model}的{facet}是什么？
        """),
        "nobody_knows": _lines("""
            {model}多重？
            {model}是哪里生产的？
        """),
        "reviews": _lines("""
            {model}评价怎么样
            大家觉得{model}好用吗
        """),
        "goes_with": _lines("""
            {model}搭配什么好
            买{model}的人还一起买什么
        """),
        "similar": _lines("""
            有和{model}类似的吗
            {model}有什么替代品
        """),
        "second_price": _lines("""
            第二个多少钱
            第二款什么价格
        """),
        "last_order": _lines("""
            我的订单到哪了
            我上次买了什么
            查一下我最近的订单
        """),
        "paid": _lines("""
            我上一个订单花了多少钱
            我最近的订单付了多少
        """),
        "person": _lines("""
            转人工
            我要找客服
            能和真人说话吗，帮我转接
        """),
        "machine": _lines("""
            你是机器人吗
            你是真人吗
        """),
        "nonsense": _lines("""
            法国的首都是哪里
            讲个笑话
        """),
    },
}

HELD_OUT: Final[Bank] = {
    "en": {
        "find": _lines("""
            could you point me to {noun} that come in {value}
            my sister wants {noun}, has to be {value}
            i am on the hunt for {value} {noun}
            anything in {value} among your {noun}?
        """),
        "find_brand": _lines("""
            I only trust {brand} when it comes to {noun}
            what's on offer by {brand}, {noun} I mean
        """),
        "find_price": _lines("""
            I've got {budget} euros to spend on {noun}
            decent {noun} that won't set me back more than {budget}
            {noun}, {budget} tops
        """),
        "broad": _lines("""
            I could do with {noun}
            time for {noun}, what have you got
            thinking of getting {noun}
        """),
        "answer": _lines("""
            let's say {value}
            {value} sounds good
            hmm {value} I guess
        """),
        "no_preference": _lines("""
            you choose
            not fussed
            whatever
        """),
        "change_value": _lines("""
            scratch that, {value} would be nicer
            on second thoughts {value}
        """),
        "add_price": _lines("""
            keep it below {budget} though
            nothing above {budget} euros
        """),
        "not_value": _lines("""
            {noun} please - just not {value}
            which {noun} do you have that aren't {value}
        """),
        "cheaper": _lines("""
            bit steep, got a cheaper one?
            out of my price range, something more affordable?
        """),
        "compare": _lines("""
            put {model} and {rival} side by side for me
            can't decide: {model} or {rival}?
            how does {model} stack up against {rival}
        """),
        "which_cheaper": _lines("""
            which of them costs less?
            so which is the least expensive?
        """),
        "price": _lines("""
            what would I pay for a {model}
            {model} price?
        """),
        "stock": _lines("""
            can I still get the {model}?
            is {model} available right now
        """),
        "attribute": _lines("""
            about the {model}: {facet}?
            I'd like to know the {facet} of {model}
        """),
        "nobody_knows": _lines("""
            what's the shoe size of the person who packed the {model}
            how many grams does the {model} weigh
        """),
        "reviews": _lines("""
            is the {model} any good according to customers?
            what rating did {model} get
        """),
        "goes_with": _lines("""
            what else should I buy if I take the {model}?
            suggest an add-on for the {model}
        """),
        "similar": _lines("""
            what could I take instead of the {model}?
            stuff comparable to {model}
        """),
        "second_price": _lines("""
            price of the 2nd?
            and the second, what's that one going for?
        """),
        "last_order": _lines("""
            any news on the parcel I am waiting for? what's in my order
            remind me what I bought most recently
        """),
        "paid": _lines("""
            what did my most recent order come to
            how much money did I spend on my last purchase
        """),
        "person": _lines("""
            is there anyone human I can chat with
            let me speak with one of your colleagues
        """),
        "machine": _lines("""
            be honest, are you an AI
            do I write with a human being or a computer?
        """),
        "nonsense": _lines("""
            how tall is Mount Everest
            sing something for me
        """),
    },
    "zh": {
        "find": _lines("""
            给我找找{value}的{noun}呗
            {noun}有{value}款吗
            求推荐{value}{noun}
        """),
        "find_brand": _lines("""
            我只认{brand}，{noun}有哪些
            {noun}里面{brand}家的有吗
        """),
        "find_price": _lines("""
            手头只有{budget}块，想买{noun}
            {noun}最好别超过{budget}
        """),
        "broad": _lines("""
            最近想入手{noun}
            家里缺{noun}，有什么选择
        """),
        "answer": _lines("""
            那就{value}吧
            {value}比较合适
        """),
        "no_preference": _lines("""
            你定吧
            没什么要求
        """),
        "change_value": _lines("""
            算了，{value}更好
            改成{value}
        """),
        "add_price": _lines("""
            价格控制在{budget}以下
            别超过{budget}块
        """),
        "not_value": _lines("""
            {noun}，{value}的不要
            别给我{value}的，{noun}有其他的吗
        """),
        "cheaper": _lines("""
            超预算了，再便宜些的有没有
        """),
        "compare": _lines("""
            {model}与{rival}相比如何
            纠结{model}还是{rival}
        """),
        "which_cheaper": _lines("""
            两个里面哪个价格更低
        """),
        "price": _lines("""
            请问{model}怎么卖
            买一个{model}要花多少
        """),
        "stock": _lines("""
            {model}现在能买到吗
            {model}库存还有没有
        """),
        "attribute": _lines("""
            想了解{model}的{facet}
            {model}，{facet}？
        """),
        "nobody_knows": _lines("""
            {model}的设计师是谁
            {model}重量多少克
        """),
        "reviews": _lines("""
            买过{model}的人怎么说
            {model}口碑如何
        """),
        "goes_with": _lines("""
            入手{model}还需要配什么
        """),
        "similar": _lines("""
            不想买{model}了，有同类的吗
            跟{model}差不多的还有啥
        """),
        "second_price": _lines("""
            第二个要多少
        """),
        "last_order": _lines("""
            帮忙看下我刚下的订单里有啥
            我最近一次买的是什么东西
        """),
        "paid": _lines("""
            我上一笔订单一共多少钱
        """),
        "person": _lines("""
            有没有人工服务
            让你们工作人员跟我聊
        """),
        "machine": _lines("""
            说实话你是不是AI
        """),
        "nonsense": _lines("""
            珠穆朗玛峰有多高
        """),
    },
}

POLICY: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    # (seen question, held-out question, what the answer has to hold)
    "en": (
        ("how many days do I have to return something?", "what's the time limit for sending stuff back", "30 days"),
        ("when do I get my money back?", "how long until a refund reaches me", "5 working days"),
        (
            "how long does standard delivery take?",
            "when would the parcel be at my door, roughly",
            "2 to 4 working days",
        ),
        ("what does shipping cost?", "do I have to pay for delivery", "4.90 EUR"),
        ("do you ship to Switzerland?", "can you send things abroad", "Switzerland"),
        ("how long is the warranty?", "what if the thing breaks after a year, is it guaranteed", "24 months"),
        ("how can I pay?", "which payment options are there", "PayPal"),
        ("is it possible to pay in instalments?", "may I pay the amount in instalments over months", "100 EUR"),
        ("how long is a voucher valid?", "does my voucher expire", "12 months"),
        ("until when can I cancel an order?", "changed my mind about the order, can I still cancel", "dispatched"),
        ("can I return opened cosmetics?", "I opened the cream, may I return it", "cannot be returned"),
        ("what are your opening hours?", "when can I phone you, what hours", "9:00"),
        ("where do I find the invoice?", "I need an invoice for my taxes, how do I get it", "e-mail"),
        ("can I change my delivery address?", "I moved, can the address still be changed", "dispatched"),
    ),
    "zh": (
        ("几天之内可以退货？", "买了不喜欢能退吗，多久内", "30天"),
        ("退款要多久？", "钱什么时候能退给我", "5个工作日"),
        ("标准配送几天能到？", "下单后多久能到货", "2到4个工作日"),
        ("运费多少？", "要不要出邮费", "4.90"),
        ("可以寄到瑞士吗？", "国外能不能送", "瑞士"),
        ("保修多久？", "东西坏了保修吗", "24个月"),
        ("怎么付款？", "支持哪些支付方式", "PayPal"),
        ("可以分期付款吗？", "能不能分期", "100欧元"),
        ("优惠券有效期多久？", "优惠券会过期吗", "12个月"),
        ("订单可以取消吗？", "后悔了还能取消吗", "发出前"),
        ("拆封的化妆品能退货吗？", "面霜打开了还可以退货吗", "不能退货"),
        ("客服营业时间是什么时候？", "几点可以打电话给你们", "9:00"),
        ("怎么拿到发票？", "报销要发票怎么弄", "电子邮件"),
        ("能修改收货地址吗？", "我搬家了，地址能改吗", "发出前"),
    ),
}
"""Questions about the rules that the sample shop's pages hold."""
