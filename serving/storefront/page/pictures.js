/* The search by a picture: a button beside the search box, and the page of what looks like it. */
(() => {
  "use strict";
  const {make, cards, go} = window.shop;
  const {say} = window.texts;
  const LONGEST_SIDE = 640;
  const file = make("input", {type: "file", accept: "image/jpeg,image/png,image/webp", hidden: true, id: "picture-file"});
  const button = make("button", {type: "button", id: "by-picture"});
  button.dataset.say = "picture.search";
  button.textContent = say("picture.search");
  document.getElementById("search").append(button, file);
  button.addEventListener("click", () => file.click());

  // A photo of a phone is some megabytes; what is searched by is 224 pixels on a side. Nothing else of the file is sent.
  const smaller = async (chosen) => {
    const bitmap = await createImageBitmap(chosen).catch(() => null);
    if (!bitmap) return chosen;  // the service says what is wrong with it
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = make("canvas", {width: Math.max(1, Math.round(bitmap.width * scale)), height: Math.max(1, Math.round(bitmap.height * scale))});
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
  };

  let asked = null;  // the picture, as an address within this page, and its answer or what is wrong
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    const picture = await smaller(chosen);
    const preview = await new Promise((done) => { const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(picture); });
    const answer = await fetch("/api/pictures", {method: "POST", headers: {"content-type": picture.type || "application/octet-stream"}, body: picture});
    const document = await answer.json();
    asked = answer.ok ? {preview, answer: document} : {problem: document.detail};
    go("/pictures");
  });

  window.shop.pages.pictures = async () => {
    const main = document.getElementById("main");
    document.title = `${say("picture.title")} – ${say("shop")}`;
    main.append(make("h1", {textContent: say("picture.title")}));
    if (!asked) {
      main.append(make("p", {className: "quiet", textContent: say("picture.hint")}));
      return;
    }
    if (asked.problem) {
      main.append(make("p", {className: "quiet", id: "picture-problem", textContent: `${say("picture.problem")} ${asked.problem}`}));
      return;
    }
    const {answer, preview} = asked;
    const shows = answer.suggestions.map(({attribute, value}) => say(`picture.shows.${attribute}`, {value}));
    const section = make("section", {ariaLabel: say("picture.title")}, make("img", {className: "asked", src: preview, alt: say("picture.yours")}),
      make("p", {className: "note", textContent: [say("picture.count", {count: answer.items.length}), ...shows].join(" ")}));
    section.dataset.list = "picture";
    section.append(cards({...answer, titles: {}}, "picture", "search"));
    main.append(section);
  };
})();
