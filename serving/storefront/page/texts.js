/* Every text of the pages, in each language. A page takes its texts by name: texts.say("cart.buy"), or with values:
 * texts.say("note.clicks", {count: 3}). A test compares the names of both languages. */
(() => {
  "use strict";
  const ENGLISH = {
    "shop": "The sample shop", "skip": "To the content", "departments": "Departments", "customer": "Customer", "guest": "guest", "sign.in": "Sign in", "cart": "Cart",
    "line": "Every click goes through the tracker to the collector, and the recommender answers every list: look at a few items, then come back here.",
    "choice": "Your choice", "choice.ask": "May this shop remember what you look at, to recommend by it? Without it, nothing is stored and everybody sees the same lists.",
    "choice.yes": "Yes, recommend", "choice.no": "No, thank you", "forget": "Forget me", "opening": "Opening the shop …", "language": "中文",
    "price.on.request": "price on request", "new.in.list": "new in the list", "nothing.yet": "Nothing to show here yet.", "broken": "This does not work now",
    "no.items": "The shop has no items yet: `make demo` fills it, or import yours.",
    "answered": "{model} {version} answered “{what}” in {took} ms ({waited} ms until it was here){source}{part}", "answered.by": ", by {fallback}", "answered.arm": "; arm “{arm}” of the experiment “{experiment}”",
    "because_you_viewed": "because you looked at {title}", "because_you_added_to_cart": "because your cart has {title}", "because_you_bought": "because you bought {title}",
    "because_you_wished_for": "because you wish for {title}", "because_you_rated": "because you rated {title}", "often_together": "often beside {title}",
    "viewed_together": "viewed together with {title}", "bought_together": "bought together with {title}", "similar_content": "described like {title}", "new_item": "new, and like {title}",
    "alone.best_seller": "a best seller", "alone.trending": "many look at it now", "alone.popular": "popular", "alone.same_category": "of the same category", "alone.new_item": "new here",
    "welcome": "Welcome", "welcome.back": "Welcome back, {user}", "note.everybody": "The same for everybody: you have not agreed to be remembered.",
    "note.clicks": "By what you did: {count} clicks of this visit.", "note.clicks.user": "By what you did: {count} clicks of this visit, and what is known of you.",
    "note.nothing": "Nothing is known of you yet: look at an item or two.", "for.you": "Recommended for you", "best": "Best sellers", "best.note": "What the shop sells most.",
    "trending": "Trending", "trending.note": "What gets attention lately.", "add": "Add to cart", "added": "Added – once more?", "sold.out": "Sold out",
    "alike": "Looks like this", "alike.note": "By the pictures of the items.", "looks_like": "looks like {title}", "similar": "Similar items", "similar.note": "What others looked at near this one.", "together": "Bought together", "together.note": "What lies in the same orders.",
    "cart.yours": "Your cart", "cart.empty": "It is empty.", "cart.buy": "Buy", "cart.thanks": "Thank you: order {order} is with the collector", "cart.remove": "Remove",
    "cart.complement": "Goes with it", "cart.complement.note": "What others bought with what lies in your cart.", "here.for.you": "Recommended for you here", "here.note": "The same list, of this department alone.",
    "here.best": "Best sellers here", "here.best.note": "What is sold most of it.",
    "search": "Search", "search.hint": "What are you looking for?", "search.for": "“{query}”", "search.count": "{count} items were found.", "search.none": "Nothing was found for “{query}”. This sells best instead:",
    "search.corrected": "Searched for “{text}”.", "search.synonyms": "Also searched for {texts}.", "search.brand": "Brand: {brands}.", "search.attributes": "First what is as you asked: {values}.", "search.unwanted": "Left out: {values}.", "search.price.from": "Price: {from} or more.", "search.price.to": "Price: {to} at most.", "search.price.between": "Price: {from} to {to}.",
    "search.relaxed.attributes": "No item has all of that, so it was not asked of the results.", "search.relaxed.brand": "No item is of that brand and meets the rest, so the brand was given up.", "search.relaxed.price": "No item costs that, so the price was given up.",
    "search.relaxed.filter": "Nothing is left with that choice, so it was given up.", "search.category": "Category", "search.brands": "Brand", "search.prices": "Price", "search.all": "All", "search.narrow": "Narrow the results",
    "suggestion.query": "search", "suggestion.category": "category", "suggestion.brand": "brand", "suggestion.item": "item",
    "assistant.open": "Ask the assistant", "assistant.title": "Shopping assistant", "assistant.machine": "You are talking to a machine; its texts are generated.", "assistant.hint": "Ask for goods, a comparison, your orders …",
    "assistant.send": "Send", "assistant.close": "Close", "assistant.away": "The assistant does not answer; `make up` starts it.", "assistant.rows": "Stands on: {rows}", "assistant.handed": "Handed over to a person of the shop.",
    "picture.search": "By picture", "picture.title": "What looks like it", "picture.hint": "Choose a picture: the button beside the search box.", "picture.problem": "This picture cannot be searched by.",
    "picture.yours": "Your picture", "picture.count": "{count} items look most like it.", "picture.shows.category": "It probably shows: {value}.", "picture.shows.colour": "Its colour is probably {value}.",
  };
  const CHINESE = {
    "shop": "示例商店", "skip": "跳到正文", "departments": "部门", "customer": "顾客", "guest": "访客", "sign.in": "登录", "cart": "购物车",
    "line": "每次点击都经由跟踪器到达采集器，每个列表都由推荐服务给出：看几件商品，再回到这里。",
    "choice": "您的选择", "choice.ask": "可否记住您看过的商品，以便据此推荐？若不同意，则不保存任何内容，所有人看到相同的列表。",
    "choice.yes": "可以，请推荐", "choice.no": "不用，谢谢", "forget": "忘记我", "opening": "正在打开商店……", "language": "English",
    "price.on.request": "价格待询", "new.in.list": "列表中新出现", "nothing.yet": "这里暂时没有内容。", "broken": "现在无法使用",
    "no.items": "商店还没有商品：运行 `make demo` 即可填充，或导入您自己的商品。",
    "answered": "{model} {version} 用 {took} 毫秒回答了“{what}”（到达这里共 {waited} 毫秒）{source}{part}", "answered.by": "，依据 {fallback}", "answered.arm": "；实验“{experiment}”的组别“{arm}”",
    "because_you_viewed": "因为您看过 {title}", "because_you_added_to_cart": "因为您的购物车里有 {title}", "because_you_bought": "因为您买过 {title}",
    "because_you_wished_for": "因为您收藏了 {title}", "because_you_rated": "因为您评价过 {title}", "often_together": "常与 {title} 一起出现",
    "viewed_together": "常与 {title} 一起浏览", "bought_together": "常与 {title} 一起购买", "similar_content": "与 {title} 描述相近", "new_item": "新品，与 {title} 相似",
    "alone.best_seller": "畅销商品", "alone.trending": "近期受关注", "alone.popular": "受欢迎", "alone.same_category": "同类商品", "alone.new_item": "新到商品",
    "welcome": "欢迎", "welcome.back": "欢迎回来，{user}", "note.everybody": "所有人看到的都一样：您尚未同意被记住。",
    "note.clicks": "依据您的行为：本次访问的 {count} 次点击。", "note.clicks.user": "依据您的行为：本次访问的 {count} 次点击，以及对您的已知信息。",
    "note.nothing": "目前对您一无所知：请看一两件商品。", "for.you": "为您推荐", "best": "畅销", "best.note": "本店卖得最多的商品。",
    "trending": "热门", "trending.note": "近期受到关注的商品。", "add": "加入购物车", "added": "已加入——再来一件？", "sold.out": "已售罄",
    "alike": "外观相似", "alike.note": "依据商品图片。", "looks_like": "外观与 {title} 相似", "similar": "相似商品", "similar.note": "其他人看过的相近商品。", "together": "一起购买", "together.note": "出现在同一订单中的商品。",
    "cart.yours": "您的购物车", "cart.empty": "购物车是空的。", "cart.buy": "购买", "cart.thanks": "谢谢：订单 {order} 已送达采集器", "cart.remove": "移除",
    "cart.complement": "搭配商品", "cart.complement.note": "其他人与您购物车中的商品一起购买的商品。", "here.for.you": "此处为您推荐", "here.note": "同一列表，仅限本部门。",
    "here.best": "此处畅销", "here.best.note": "本部门卖得最多的商品。",
    "search": "搜索", "search.hint": "您在找什么？", "search.for": "“{query}”", "search.count": "找到 {count} 件商品。", "search.none": "没有找到“{query}”。以下是畅销商品：",
    "search.corrected": "已搜索“{text}”。", "search.synonyms": "同时搜索了 {texts}。", "search.brand": "品牌：{brands}。", "search.attributes": "优先显示：{values}。", "search.unwanted": "已排除：{values}。", "search.price.from": "价格：不低于 {from}。", "search.price.to": "价格：不高于 {to}。", "search.price.between": "价格：{from} 至 {to}。",
    "search.relaxed.attributes": "没有商品全部符合，因此未作要求。", "search.relaxed.brand": "没有符合其余条件的该品牌商品，因此放弃了品牌条件。", "search.relaxed.price": "没有该价格的商品，因此放弃了价格条件。",
    "search.relaxed.filter": "按此选择没有剩余商品，因此放弃了该选择。", "search.category": "类别", "search.brands": "品牌", "search.prices": "价格", "search.all": "全部", "search.narrow": "缩小范围",
    "suggestion.query": "搜索", "suggestion.category": "类别", "suggestion.brand": "品牌", "suggestion.item": "商品",
    "assistant.open": "咨询助手", "assistant.title": "购物助手", "assistant.machine": "您正在与机器对话；文字由系统生成。", "assistant.hint": "可以问商品、对比、您的订单……",
    "assistant.send": "发送", "assistant.close": "关闭", "assistant.away": "助手没有回应；`make up` 可以启动它。", "assistant.rows": "依据：{rows}", "assistant.handed": "已转给店铺的工作人员。",
    "picture.search": "以图找货", "picture.title": "外观相似的商品", "picture.hint": "请选择一张图片：搜索框旁的按钮。", "picture.problem": "无法用这张图片搜索。",
    "picture.yours": "您的图片", "picture.count": "最相似的 {count} 件商品。", "picture.shows.category": "图中可能是：{value}。", "picture.shows.colour": "颜色可能是：{value}。",
  };
  const all = {en: ENGLISH, zh: CHINESE};
  let language = "en";
  try { language = sessionStorage.getItem("shop.language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"); } catch { /* the browser keeps nothing: English */ }
  const say = (name, values = {}) => (all[language][name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
  /* What the page's HTML says: by data-say its text, by data-say-label and data-say-hint what is read out and what stands in an empty field. */
  const draw = () => {
    document.documentElement.lang = language;
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
    for (const node of document.querySelectorAll("[data-say-label]")) node.ariaLabel = say(node.dataset.sayLabel);
    for (const node of document.querySelectorAll("[data-say-hint]")) node.placeholder = say(node.dataset.sayHint);
  };
  const choose = (name) => {
    language = name;
    try { sessionStorage.setItem("shop.language", name); } catch { /* it holds for this page alone */ }
    draw();
  };
  window.texts = {say, draw, choose, language: () => language, all};
  draw();
})();
