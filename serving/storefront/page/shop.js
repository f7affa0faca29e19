/* The sample shop. What a shopper does goes to the tracker (window.shopsight) and, as a shop would send it with its next
 * question, into `recent_events` of every list. Without consent neither is kept, and lists are not personal. */
(() => {
  "use strict";
  const MAX_RECENT = 50;
  const main = document.getElementById("main"), footer = document.getElementById("answer");
  const byId = (id) => document.getElementById(id);
  const {say} = window.texts;

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
  const picture = (good) => (good.picture ? make("img", {className: "picture", src: good.picture, alt: "", loading: "lazy"}) : placeholder(good));
  const placeholder = (good) => {
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
    if (good.price == null) return say("price.on.request");
    try { return new Intl.NumberFormat(window.texts.language(), {style: "currency", currency: good.currency}).format(good.price); } catch { return good.price.toFixed(2); }
  };
  const reasonOf = (item, titles) => {
    const [reason] = item.reasons;
    if (!reason) return null;
    if (reason.words) return reason.words;  // a search says its reasons itself
    const [title] = (reason.item_ids ?? []).map((one) => titles[one]).filter(Boolean);
    const named = title && say(reason.code, {title}), alone = say(`alone.${reason.code}`);
    return named && named !== reason.code ? named : alone === `alone.${reason.code}` ? null : alone;
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
    const {model, fallback, experiment, arm} = answer;
    // What stands in for pictures is on the page already.
    if (placement === "looks_like_this" && fallback) return void section.remove();
    section.dataset.model = `${model.name} ${model.version}`;
    footer.textContent = say("answered", {
      model: model.name, version: model.version, what: section.ariaLabel, took: answer.took_ms.toFixed(1), waited: answer.waited_ms.toFixed(0),
      source: fallback ? say("answered.by", {fallback: fallback.replaceAll("_", " ")}) : "", part: experiment ? say("answered.arm", {arm, experiment}) : "",
    });
    if (!answer.items.length) section.append(make("p", {className: "quiet", textContent: say("nothing.yet")}));
    section.append(cards(answer, name, placement));
  };
  const cards = (answer, name, placement) => {
    const before = shown.get(name);
    shown.set(name, new Set(answer.items.map((item) => item.item_id)));
    return make("ul", {className: "list"}, ...answer.items.map((item) => {
      const {good} = item, isNew = Boolean(before) && !before.has(item.item_id) && placement !== "search";
      const where = {item_id: item.item_id, list_id: name, list_position: item.rank, placement, recommendation_id: answer.recommendation_id};
      track("view_item_list", where);
      const reason = reasonOf(item, answer.titles);
      const link = make("a", {href: `/items/${encodeURIComponent(item.item_id)}`}, picture(good), make("div", {className: "text"},
        make("span", {className: "title", textContent: good.title}),
        make("span", {className: "small", textContent: good.brand || good.category || ""}),
        reason && make("span", {className: "small", textContent: reason}),
        make("span", {className: "price", textContent: priceOf(good)})));
      link.addEventListener("click", () => track("select_item", where));
      return make("li", {className: `card${isNew ? " is-new" : ""}`}, link, isNew ? make("span", {className: "new", textContent: say("new.in.list")}) : null);
    }));
  };

  // --- pages

  const home = async (heading = user ? say("welcome.back", {user}) : say("welcome")) => {
    document.title = say("shop");
    main.append(make("h1", {textContent: heading}));
    const personal = consent === "granted";
    const note = !personal ? say("note.everybody") : recent.length || user ? say(user ? "note.clicks.user" : "note.clicks", {count: recent.length}) : say("note.nothing");
    const sections = [[list("for-you", say("for.you"), note), "recommended_for_you"], [list("best", say("best"), say("best.note")), "best_sellers"],
      [list("trending", say("trending"), say("trending.note")), "trending"]];
    for (const [section, placement] of sections.reverse()) await fill(section, placement);
  };

  const itemPage = async (id) => {
    const good = await json(`/api/items/${encodeURIComponent(id)}`);
    document.title = `${good.title} – ${say("shop")}`;
    track("view_item", about(good));
    const add = make("button", {className: "primary", textContent: say(good.in_stock ? "add" : "sold.out"), disabled: !good.in_stock});
    add.addEventListener("click", () => {
      cart = [...cart, good];
      track("add_to_cart", {...about(good), quantity: 1});
      keep();
      add.textContent = say("added");
    });
    main.append(make("article", {className: "product"}, picture(good), make("div", {},
      make("h1", {textContent: good.title}),
      make("p", {className: "quiet", textContent: [good.brand, good.category].filter(Boolean).join(" · ")}),
      good.description ? make("p", {textContent: good.description}) : null,
      make("p", {className: "price", textContent: priceOf(good)}), add)));
    const similar = list(`similar-${id}`, say("similar"), say("similar.note"));
    const together = list(`together-${id}`, say("together"), say("together.note"));
    const alike = good.picture ? list(`alike-${id}`, say("alike"), say("alike.note")) : null;
    await fill(together, "bought_together", {item_ids: [id]});
    await fill(similar, "similar_items", {item_ids: [id]});
    if (alike) await fill(alike, "looks_like_this", {item_ids: [id]});
  };

  const cartPage = async () => {
    document.title = `${say("cart")} – ${say("shop")}`;
    track("view_cart");
    main.append(make("h1", {textContent: say("cart.yours")}));
    if (!cart.length) {
      main.append(make("p", {className: "quiet", textContent: say("cart.empty")}));
      await fill(list("best", say("best"), say("best.note")), "best_sellers");
      return;
    }
    const buy = make("button", {className: "primary", textContent: say("cart.buy")});
    buy.addEventListener("click", () => {
      const order = `shop-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
      for (const good of cart) track("purchase", {...about(good), quantity: 1, order_id: order});
      cart = [];
      keep();
      main.replaceChildren();
      home(say("cart.thanks", {order}));
    });
    const sum = cart.reduce((total, good) => total + (good.price ?? 0), 0);
    main.append(make("ul", {className: "rows"}, ...cart.map((good, place) => {
      const out = make("button", {textContent: say("cart.remove"), ariaLabel: `${say("cart.remove")}: ${good.title}`});
      out.addEventListener("click", () => {
        cart = cart.filter((_, other) => other !== place);
        track("remove_from_cart", {...about(good), quantity: 1});
        keep();
        show();
      });
      return make("li", {}, picture(good), make("span", {className: "title", textContent: good.title}), make("span", {textContent: priceOf(good)}), out);
    })), make("p", {className: "total"}, make("span", {textContent: priceOf({price: sum, currency: cart[0].currency})}), buy));
    await fill(list("complement", say("cart.complement"), say("cart.complement.note")), "cart_complement", {item_ids: [...new Set(cart.map((good) => good.item_id))]});
  };

  const department = async (name) => {
    document.title = `${name} – ${say("shop")}`;
    main.append(make("h1", {textContent: name}));
    const filter = {category: {any_of: [name]}};
    const yours = list(`for-you-${name}`, say("here.for.you"), say("here.note"));
    const best = list(`best-${name}`, say("here.best"), say("here.best.note"));
    await fill(best, "best_sellers", {filter});
    await fill(yours, "recommended_for_you", {filter});
  };

  const pages = {};  // those of other scripts, by the first part of their address
  const go = (address) => {
    history.pushState(null, "", address);
    show();
  };
  const show = async () => {
    const [, kind, name] = location.pathname.match(/^\/(items|departments|cart|[a-z]+)?\/?(.*)$/) ?? [];
    main.replaceChildren();
    main.focus({preventScroll: true});
    scrollTo(0, 0);
    for (const link of byId("departments").children) link.toggleAttribute("aria-current", link.pathname === location.pathname);
    track("page_view", {page: location.pathname});
    try {
      if (kind === "items") await itemPage(decodeURIComponent(name));
      else if (kind === "departments") await department(decodeURIComponent(name));
      else if (kind === "cart") await cartPage();
      else if (kind in pages) await pages[kind]();
      else await home();
    } catch (error) {
      main.append(make("h1", {textContent: say("broken")}), make("p", {textContent: error.message}));
    }
  };

  addEventListener("popstate", show);
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || link.origin !== location.origin || link.hash || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(link.href);
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
    if (!items) main.prepend(make("p", {textContent: say("no.items")}));
  }).catch(() => {});
  byId("language").addEventListener("click", () => {
    window.texts.choose(window.texts.language() === "zh" ? "en" : "zh");
    show();
  });
  window.shop = {make, json, picture, priceOf, track, cards, pages, go, show, isPersonal: () => consent === "granted", user: () => user};
  addEventListener("DOMContentLoaded", show);  // the scripts of other pages come after this one
})();
