/* The search box: suggestions while somebody types, and the page of results, with what was understood and how to narrow it. */
(() => {
  "use strict";
  const {make, json, track, cards, isPersonal, user, go, priceOf} = window.shop;
  const {say} = window.texts;
  const form = document.getElementById("search"), field = document.getElementById("query"), list = document.getElementById("suggestions");
  const SUGGEST_AFTER_MS = 120;

  // --- suggestions

  let asked = 0, waiting, chosen = -1;
  const close = () => { list.replaceChildren(); list.hidden = true; chosen = -1; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant"); };
  const take = ({text, item_id}) => { close(); if (item_id) go(`/items/${encodeURIComponent(item_id)}`); else search(text); };
  const suggest = async () => {
    const number = ++asked, typed = field.value.trim();
    if (!typed) return close();
    let suggestions = [];
    try { ({suggestions} = await json(`/api/suggestions?q=${encodeURIComponent(typed)}`)); } catch { /* typing goes on without them */ }
    if (number !== asked || document.activeElement !== field) return;
    close();
    list.append(...suggestions.map((one, place) => {
      const entry = make("li", {id: `suggestion-${place}`, role: "option"}, make("span", {textContent: one.text}), make("span", {className: "kind", textContent: say(`suggestion.${one.kind}`)}));
      entry.addEventListener("pointerdown", (event) => { event.preventDefault(); take(one); });
      entry.suggestion = one;
      return entry;
    }));
    list.hidden = !suggestions.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
  };
  field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(suggest, SUGGEST_AFTER_MS); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    const entries = [...list.children];
    if (event.key === "Escape") return close();
    if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); return take(entries[chosen].suggestion); }
    if (!entries.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length;
    entries.forEach((entry, place) => entry.setAttribute("aria-selected", String(place === chosen)));
    field.setAttribute("aria-activedescendant", entries[chosen].id);
  });
  const search = (query, chosenFilter = {}) => {
    const parameters = new URLSearchParams({q: query, ...chosenFilter});
    clearTimeout(waiting);
    asked += 1;  // an answer on its way suggests nothing any more
    close();
    go(`/search?${parameters}`);
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); if (field.value.trim()) search(field.value.trim()); });

  // --- results

  const filterOf = (parameters) => {
    const price = {...(parameters.has("from") && {gte: Number(parameters.get("from"))}), ...(parameters.has("to") && {lte: Number(parameters.get("to"))})};
    const attributes = [...parameters].filter(([name]) => name.startsWith("attribute.")).map(([name, value]) => [name.slice("attribute.".length), {any_of: [value]}]);
    return {
      ...(parameters.has("category") && {category: {any_of: [parameters.get("category")]}}),
      ...(parameters.has("brand") && {brand: {any_of: [parameters.get("brand")]}}),
      ...(Object.keys(price).length && {price}),
      ...(attributes.length && {attributes: Object.fromEntries(attributes)}),
    };
  };
  const facet = (heading, query, choices) => (choices.length < 2 ? null : make("div", {className: "facet"}, make("h3", {textContent: heading}),
    make("ul", {}, ...choices.map(([label, count, parameters]) => make("li", {}, make("a", {href: `/search?${new URLSearchParams({q: query, ...parameters})}`, textContent: label}), ` ${count}`)))));
  const understoodAs = ({understood, relaxed, total, fallback}, query) => {
    const {lowest_price: from, highest_price: to} = understood;
    const lines = [fallback === "best_sellers" ? say("search.none", {query}) : say("search.count", {count: total})];
    if (understood.corrected) lines.push(say("search.corrected", {text: understood.corrected}));
    if (understood.synonyms.length) lines.push(say("search.synonyms", {texts: understood.synonyms.map((text) => `“${text}”`).join(", ")}));
    if (understood.brands.length) lines.push(say("search.brand", {brands: understood.brands.join(", ")}));
    for (const [kind, named] of [["attributes", understood.attributes], ["unwanted", understood.unwanted]]) {
      const values = Object.values(named).flat();
      if (values.length) lines.push(say(`search.${kind}`, {values: values.join(", ")}));
    }
    if (from != null || to != null) lines.push(say(`search.price.${from == null ? "to" : to == null ? "from" : "between"}`, {from, to}));
    return [...lines, ...relaxed.map((name) => say(`search.relaxed.${name}`))].join(" ");
  };
  window.shop.pages.search = async () => {
    const main = document.getElementById("main"), parameters = new URLSearchParams(location.search), query = (parameters.get("q") ?? "").trim();
    field.value = query;
    document.title = `${query} – ${say("shop")}`;
    main.append(make("h1", {textContent: say("search.for", {query})}));
    if (!query) return;
    const filter = filterOf(parameters);
    const answer = await json("/api/search", {query, ...(Object.keys(filter).length && {filter}), personalised: isPersonal(), ...(isPersonal() && user() && {user_id: user()})});
    if (!main.isConnected) return;
    track("search", {search_term: query, results: answer.fallback === "best_sellers" ? 0 : answer.total, recommendation_id: answer.search_id});
    const section = make("section", {ariaLabel: say("search.for", {query})}, make("p", {className: "note", textContent: understoodAs(answer, query)}));
    section.dataset.list = "search";
    section.dataset.model = `${answer.model.name} ${answer.model.version}`;
    const here = Object.fromEntries([...parameters].filter(([name]) => name !== "q"));
    const {category, brand, price, attributes} = answer.facets;
    const facets = [
      facet(say("search.category"), query, category.map(({value, count}) => [value.split(" > ").at(-1), count, {...here, category: value}])),
      facet(say("search.brands"), query, brand.map(({value, count}) => [value, count, {...here, brand: value}])),
      facet(say("search.prices"), query, price.map(({gte, lte, count}) => [`${priceOf({price: gte})} – ${priceOf({price: lte})}`, count, {...here, from: gte, to: lte}])),
      ...Object.entries(attributes).map(([name, values]) => facet(name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "), query, values.map(({value, count}) => [value, count, {...here, [`attribute.${name}`]: value}]))),
    ].filter(Boolean);
    if (facets.length) {
      const narrow = make("details", {className: "facets", open: innerWidth > 700}, make("summary", {textContent: say("search.narrow")}), ...facets);
      if (Object.keys(here).length) narrow.append(make("p", {}, make("a", {href: `/search?${new URLSearchParams({q: query})}`, textContent: say("search.all")})));
      section.append(narrow);
    }
    section.append(cards({...answer, recommendation_id: answer.search_id, items: answer.results, titles: {}}, "search", "search"));
    main.append(section);
  };
})();
