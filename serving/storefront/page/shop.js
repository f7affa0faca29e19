/* The sample shop. What a shopper does goes to the tracker (window.shopsight) and, as a shop would send it with its next
 * question, into `recent_events` of every list. Without consent neither is kept, and lists are not personal. */
(() => {
  "use strict";
  const MAX_RECENT = 50;
  const main = document.getElementById("main"), footer = document.getElementById("answer");
  const byId = (id) => document.getElementById(id);

  // --- what the shop remembers of a visit: in this tab alone, and only with consent

  const read = (name, otherwise) => { try { return JSON.parse(sessionStorage.getItem(name)) ?? otherwise; } catch { return otherwise; } };
  let consent = read("shop.consent", null);
  let recent = read("shop.recent", []);
  let cart = read("shop.cart", []);
  let user = read("shop.user", "");
  const shown = new Map();  // by placement: what the list had before, to mark what came new
  const keep = () => {
    byId("cart-size").textContent = cart.length;
    if (consent !== "granted") return;
    for (const [name, value] of Object.entries({consent, recent, cart, user})) sessionStorage.setItem(`shop.${name}`, JSON.stringify(value));
  };

  const track = (name, fields = {}) => {
    window.shopsight?.track(name, fields);  // a page that was loaded without its tracker is a shop all the same
    if (!["view_item", "add_to_cart", "remove_from_cart", "purchase"].includes(name)) return;
    const {item_id, category, price} = fields;
    recent = [...recent, {event_name: name, event_timestamp: new Date().toISOString(), item_id, ...(category && {category}), ...(price != null && {price})}].slice(-MAX_RECENT);
    keep();
  };
  const money = (good) => (good.price == null ? {} : {price: good.price, ...(good.currency && {currency: good.currency})});
  const about = (good) => ({item_id: good.item_id, ...(good.category && {category: good.category}), ...(good.brand && {brand: good.brand}), ...money(good)});

  // --- what is asked of the shop's server

  const json = async (url, body) => {
    const started = performance.now();
    const answer = await fetch(url, body && {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)});
    const document = await answer.json();
    if (!answer.ok) throw new Error(document.detail || `${url} answered ${answer.status}`);
    return {...document, waited_ms: performance.now() - started};
  };
  const ask = (placement, fields = {}) => {
    const isPersonal = consent === "granted";
    return json("/api/lists", {placement, ...fields, personalised: isPersonal, ...(isPersonal && {recent_events: recent}), ...(isPersonal && user && {user_id: user})});
  };

  // --- drawing

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children.filter((child) => child != null));
    return node;
  };
  const hash = (text) => {  // ids that follow each other are to look different
    let sum = [...text].reduce((before, letter) => Math.imul(before ^ letter.codePointAt(0), 0x01000193), 0x811c9dc5);
    for (const shift of [16, 13, 16]) sum = Math.imul(sum ^ (sum >>> shift), 0x45d9f3b);
    return sum >>> 0;
  };
  const picture = (good) => {
    const svg = (tag, attributes, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      node.append(...children);
      return node;
    };
    const top = (good.category || good.title).split(" > ")[0];
    const hue = hash(top) % 360, seed = hash(good.item_id), turn = seed % 60;
    const tone = (light, shift = 0) => `hsl(${(hue + shift) % 360} 55% ${light}%)`;
    const shapes = [0, 1, 2].map((nth) => {
      const x = (seed >>> (nth * 5)) % 400, y = (seed >>> (nth * 7)) % 300, size = 60 + ((seed >>> (nth * 3)) % 90);
      return nth % 2 ? svg("rect", {x, y, width: size, height: size, rx: 18, fill: tone(74, turn), opacity: .7})
        : svg("circle", {cx: x, cy: y, r: size, fill: tone(66, turn / 2), opacity: .6});
    });
    const letter = svg("text", {x: 200, y: 196, "text-anchor": "middle", "font-size": 130, "font-weight": 700, fill: tone(28), "font-family": "system-ui, sans-serif"});
    letter.textContent = good.title.trim().charAt(0).toUpperCase();
    return svg("svg", {class: "picture", viewBox: "0 0 400 300", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true"},
      svg("rect", {width: 400, height: 300, fill: tone(86)}), ...shapes, letter);
  };
  const priceOf = (good) => {
    if (good.price == null) return "price on request";
    try { return new Intl.NumberFormat("en", {style: "currency", currency: good.currency}).format(good.price); } catch { return good.price.toFixed(2); }
  };
  const WORDS = {
    because_you_viewed: "because you looked at", because_you_added_to_cart: "because your cart has", because_you_bought: "because you bought",
    because_you_wished_for: "because you wish for", because_you_rated: "because you rated", often_together: "often beside",
    viewed_together: "viewed together with", bought_together: "bought together with", similar_content: "described like", new_item: "new, and like",
  };
  const ALONE = {best_seller: "a best seller", trending: "many look at it now", popular: "popular", same_category: "of the same category", new_item: "new here"};
  const reasonOf = (item, titles) => {
    const [reason] = item.reasons;
    if (!reason) return null;
    const named = reason.item_ids.map((one) => titles[one]).filter(Boolean)[0];
    return named && WORDS[reason.code] ? `${WORDS[reason.code]} ${named}` : ALONE[reason.code] ?? null;
  };

  const list = (id, heading, note) => {
    const section = make("section", {ariaLabel: heading}, make("h2", {textContent: heading}), make("p", {className: "note", textContent: note}));
    section.dataset.list = id;
    main.append(section);
    return section;
  };
  const fill = async (section, placement, fields = {}) => {
    const name = section.dataset.list;
    let answer;
    try {
      answer = await ask(placement, fields);
    } catch (error) {
      section.append(make("p", {className: "quiet", textContent: error.message}));
      return;
    }
    if (!section.isConnected) return;
    const {model, fallback, experiment, arm} = answer, source = fallback ? `, by ${fallback.replaceAll("_", " ")}` : "";
    const part = experiment ? `; arm “${arm}” of the experiment “${experiment}”` : "";
    section.dataset.model = `${model.name} ${model.version}`;
    footer.textContent = `${model.name} ${model.version} answered “${section.ariaLabel}” in ${answer.took_ms.toFixed(1)} ms (${answer.waited_ms.toFixed(0)} ms until it was here)${source}${part}`;
    if (!answer.items.length) section.append(make("p", {className: "quiet", textContent: "Nothing to show here yet."}));
    const before = shown.get(name);
    shown.set(name, new Set(answer.items.map((item) => item.item_id)));
    section.append(make("ul", {className: "list"}, ...answer.items.map((item) => {
      const {good} = item, isNew = Boolean(before) && !before.has(item.item_id);
      const where = {item_id: item.item_id, list_id: name, list_position: item.rank, placement, recommendation_id: answer.recommendation_id};
      track("view_item_list", where);
      const reason = reasonOf(item, answer.titles);
      const link = make("a", {href: `/items/${encodeURIComponent(item.item_id)}`}, picture(good), make("div", {className: "text"},
        make("span", {className: "title", textContent: good.title}),
        make("span", {className: "small", textContent: good.brand || good.category || ""}),
        reason && make("span", {className: "small", textContent: reason}),
        make("span", {className: "price", textContent: priceOf(good)})));
      link.addEventListener("click", () => track("select_item", where));
      return make("li", {className: `card${isNew ? " is-new" : ""}`}, link, isNew ? make("span", {className: "new", textContent: "new in the list"}) : null);
    })));
  };

  // --- pages

  const home = async (heading = user ? `Welcome back, ${user}` : "Welcome") => {
    document.title = "The sample shop";
    main.append(make("h1", {textContent: heading}));
    const personal = consent === "granted";
    const note = !personal ? "The same for everybody: you have not agreed to be remembered."
      : recent.length || user ? `By what you did: ${recent.length} clicks of this visit${user ? ", and what is known of you" : ""}.` : "Nothing is known of you yet: look at an item or two.";
    const sections = [[list("for-you", "Recommended for you", note), "recommended_for_you"], [list("best", "Best sellers", "What the shop sells most."), "best_sellers"],
      [list("trending", "Trending", "What gets attention lately."), "trending"]];
    for (const [section, placement] of sections.reverse()) await fill(section, placement);
  };

  const itemPage = async (id) => {
    const good = await json(`/api/items/${encodeURIComponent(id)}`);
    document.title = `${good.title} – The sample shop`;
    track("view_item", about(good));
    const add = make("button", {className: "primary", textContent: good.in_stock ? "Add to cart" : "Sold out", disabled: !good.in_stock});
    add.addEventListener("click", () => {
      cart = [...cart, good];
      track("add_to_cart", {...about(good), quantity: 1});
      keep();
      add.textContent = "Added – once more?";
    });
    main.append(make("article", {className: "product"}, picture(good), make("div", {},
      make("h1", {textContent: good.title}),
      make("p", {className: "quiet", textContent: [good.brand, good.category].filter(Boolean).join(" · ")}),
      good.description ? make("p", {textContent: good.description}) : null,
      make("p", {className: "price", textContent: priceOf(good)}), add)));
    const similar = list(`similar-${id}`, "Similar items", "What others looked at near this one.");
    const together = list(`together-${id}`, "Bought together", "What lies in the same orders.");
    await fill(together, "bought_together", {item_ids: [id]});
    await fill(similar, "similar_items", {item_ids: [id]});
  };

  const cartPage = async () => {
    document.title = "Cart – The sample shop";
    track("view_cart");
    main.append(make("h1", {textContent: "Your cart"}));
    if (!cart.length) {
      main.append(make("p", {className: "quiet", textContent: "It is empty."}));
      await fill(list("best", "Best sellers", "What the shop sells most."), "best_sellers");
      return;
    }
    const buy = make("button", {className: "primary", textContent: "Buy"});
    buy.addEventListener("click", () => {
      const order = `shop-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
      for (const good of cart) track("purchase", {...about(good), quantity: 1, order_id: order});
      cart = [];
      keep();
      main.replaceChildren();
      home(`Thank you: order ${order} is with the collector`);
    });
    const sum = cart.reduce((total, good) => total + (good.price ?? 0), 0);
    main.append(make("ul", {className: "rows"}, ...cart.map((good, place) => {
      const out = make("button", {textContent: "Remove", ariaLabel: `Remove ${good.title}`});
      out.addEventListener("click", () => {
        cart = cart.filter((_, other) => other !== place);
        track("remove_from_cart", {...about(good), quantity: 1});
        keep();
        show();
      });
      return make("li", {}, picture(good), make("span", {className: "title", textContent: good.title}), make("span", {textContent: priceOf(good)}), out);
    })), make("p", {className: "total"}, make("span", {textContent: priceOf({price: sum, currency: cart[0].currency})}), buy));
    await fill(list("complement", "Goes with it", "What others bought with what lies in your cart."), "cart_complement", {item_ids: [...new Set(cart.map((good) => good.item_id))]});
  };

  const department = async (name) => {
    document.title = `${name} – The sample shop`;
    main.append(make("h1", {textContent: name}));
    const filter = {category: {any_of: [name]}};
    const yours = list(`for-you-${name}`, "Recommended for you here", "The same list, of this department alone.");
    const best = list(`best-${name}`, "Best sellers here", "What is sold most of it.");
    await fill(best, "best_sellers", {filter});
    await fill(yours, "recommended_for_you", {filter});
  };

  const show = async () => {
    const [, kind, name] = location.pathname.match(/^\/(items|departments|cart)?\/?(.*)$/) ?? [];
    main.replaceChildren();
    main.focus({preventScroll: true});
    scrollTo(0, 0);
    for (const link of byId("departments").children) link.toggleAttribute("aria-current", link.pathname === location.pathname);
    track("page_view", {page: location.pathname});
    try {
      if (kind === "items") await itemPage(decodeURIComponent(name));
      else if (kind === "departments") await department(decodeURIComponent(name));
      else if (kind === "cart") await cartPage();
      else await home();
    } catch (error) {
      main.append(make("h1", {textContent: "This does not work now"}), make("p", {textContent: error.message}));
    }
  };

  addEventListener("popstate", show);
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || link.origin !== location.origin || link.hash || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    show();
  });

  // --- consent, and who it is

  const decide = (given) => {
    consent = given;
    if (given !== "granted") {
      sessionStorage.clear();
      [recent, cart, user] = [[], [], ""];
      shown.clear();
    }
    window.shopsight?.consent(given);
    byId("consent").hidden = true;
    byId("user").value = user;
    keep();
    show();
  };
  byId("agree").addEventListener("click", () => decide("granted"));
  byId("decline").addEventListener("click", () => decide("none"));
  byId("forget").addEventListener("click", () => { decide("none"); consent = null; byId("consent").hidden = false; });
  byId("account").addEventListener("submit", (event) => {
    event.preventDefault();
    user = byId("user").value.trim();
    if (user && consent === "granted") window.shopsight?.identify(user);
    keep();
    show();
  });

  if (consent === null) window.shopsight?.consent("none");  // the tracker may remember what a visit before agreed to
  byId("consent").hidden = consent !== null;
  byId("user").value = user;
  keep();
  json("/api/shop").then(({departments, items}) => {
    byId("departments").append(...departments.map((name) => make("a", {href: `/departments/${encodeURIComponent(name)}`, textContent: name})));
    if (!items) main.prepend(make("p", {textContent: "The shop has no items yet: `make demo` fills it, or import yours."}));
  }).catch(() => {});
  show();
})();
