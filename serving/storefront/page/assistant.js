/* The assistant's panel: a talk with the shop's server, which asks the service. Whatever it answers is put in as text. */
(() => {
  "use strict";
  const {make} = window.shop, texts = window.texts;
  const said = (tag, name, properties = {}, ...children) => {
    const element = make(tag, properties, ...children);
    element.dataset.say = name;
    return element;
  };
  const talk = `c-${crypto.randomUUID()}`;  // of this page alone: nothing is stored

  const log = make("ol", {className: "talk", ariaLive: "polite"});
  const title = said("h2", "assistant.title", {id: "assistant-title"});
  const input = make("input", {name: "text", maxLength: 1000, autocomplete: "off", required: true});
  input.dataset.sayHint = input.dataset.sayLabel = "assistant.hint";
  const form = make("form", {}, input, said("button", "assistant.send", {className: "primary"}));
  const close = said("button", "assistant.close", {type: "button", className: "link"});
  const head = make("div", {className: "assistant-head"}, title, close);
  const panel = make("section", {id: "assistant", hidden: true}, head, said("p", "assistant.machine", {className: "note"}), log, form);
  panel.setAttribute("aria-labelledby", "assistant-title");
  const open = said("button", "assistant.open", {id: "assistant-open", className: "primary"});

  const money = (product) => product.price == null ? "" : `${product.price.toFixed(2)} ${product.currency ?? ""}`;
  const shown = (product) => make("li", {},
    make("a", {href: `/items/${encodeURIComponent(product.item_id)}`, textContent: product.title}),
    make("span", {className: "small", textContent: ` ${money(product)}`}));
  const table = (comparison, products) => {
    const title = (id) => products.find((product) => product.item_id === id)?.title ?? id;
    const row = (tag, first, others) => make("tr", {}, make("th", {textContent: first}), ...others.map((text) => make(tag, {textContent: text})));
    return make("table", {}, row("th", "", comparison.item_ids.map(title)), ...comparison.rows.map((line) => row("td", line.name, line.values)));
  };
  const answered = (answer) => {
    const entry = make("li", {className: "said-by-machine", lang: answer.language === "zh" ? "zh-CN" : "en"});
    for (const sentence of answer.sentences) {
      const rows = texts.say("assistant.rows", {rows: sentence.rows.join(", ")});
      entry.append(make("p", {textContent: sentence.text, title: rows}));
    }
    if (answer.comparison) entry.append(table(answer.comparison, answer.products));
    else if (answer.products.length) entry.append(make("ul", {}, ...answer.products.map(shown)));
    if (answer.question) {
      const choose = (value) => make("button", {type: "button", textContent: value.split(" > ").at(-1), onclick: () => ask(value.split(" > ").at(-1))});
      entry.append(make("p", {className: "choices"}, ...answer.question.values.map(choose)));
    }
    if (answer.hand_over) entry.append(make("p", {className: "note", textContent: texts.say("assistant.handed")}));
    return entry;
  };

  const ask = async (text) => {
    log.append(make("li", {className: "said-by-shopper", textContent: text}));
    const user = window.shop.user();
    const body = JSON.stringify({conversation_id: talk, text, ...(user && {user_id: user})});
    let entry;
    try {
      const response = await fetch("/api/assistant", {method: "POST", headers: {"content-type": "application/json"}, body});
      const answer = await response.json();
      entry = response.ok ? answered(answer) : make("li", {className: "said-by-machine", textContent: answer.detail});
    } catch {
      entry = make("li", {className: "said-by-machine", textContent: texts.say("assistant.away")});
    }
    log.append(entry);
    log.scrollTop = log.scrollHeight;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    if (text) ask(text);
  });
  const toggle = (isOpen) => { panel.hidden = !isOpen; open.hidden = isOpen; (isOpen ? input : open).focus(); };
  open.addEventListener("click", () => toggle(true));
  close.addEventListener("click", () => toggle(false));
  document.body.append(open, panel);
  texts.draw();
})();
