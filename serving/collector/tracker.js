/* shopsight's tracker: what a shopper does on the shop's pages, to the collector that serves this file and nowhere else.
 *
 *   <script src="https://events.shop.example/tracker.js" data-consent="none" defer></script>
 *   shopsight.consent("granted")                       once the shopper has said so; until then nothing is stored here
 *   shopsight.identify("user 42")                      after a login
 *   shopsight.track("view_item", {item_id: "i_17", price: 19.9, currency: "EUR"})
 *
 * Events wait in localStorage until the collector has acknowledged them, also over pages and while it is away. Each has
 * an id, so that one that is sent twice counts once.
 */
(() => {
  "use strict";
  const CONSENTS = ["granted", "analytics_only", "none"];
  const QUEUE = "shopsight.queue", DEVICE = "shopsight.device", USER = "shopsight.user", CONSENT = "shopsight.consent";
  const SESSION = "shopsight.session", SESSION_MINUTES = 30;
  const MAX_QUEUE = 1000, MAX_BATCH = 100, FIRST_WAIT_MS = 1000, MAX_WAIT_MS = 60000, GATHER_MS = 200;

  const script = document.currentScript;
  const route = new URL("/v1/events", script.src).href;
  const source = script.dataset.source;

  let canStore = true;
  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const store = (name, value) => {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {  // full, or forbidden
      canStore = false;
    }
  };
  const newId = () => crypto.randomUUID ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const valid = (consent) => (CONSENTS.includes(consent) ? consent : "none");
  let consent = valid(stored(CONSENT) || script.dataset.consent);
  let memory = [];                    // the queue where nothing may be stored
  let device = newId(), user = null;  // the same of who it is
  let session = {id: newId(), at: Date.now()};
  let sending = false, wait = FIRST_WAIT_MS, timer = null, batch = MAX_BATCH;

  const mayStore = () => canStore && consent !== "none";
  const queue = () => {
    if (!mayStore()) return memory;
    try { return JSON.parse(stored(QUEUE)) || memory; } catch { return memory; }
  };
  const keep = (events) => {
    const rest = events.slice(-MAX_QUEUE);
    if (rest.length < events.length) console.warn(`shopsight: ${events.length - rest.length} events were never taken`);
    memory = rest;
    if (mayStore()) store(QUEUE, JSON.stringify(rest));
  };

  const remember = () => {
    if (!mayStore()) return;
    device = stored(DEVICE) || device;
    user = stored(USER) || user;
    store(DEVICE, device);
    if (user) store(USER, user);
  };
  const sessionId = () => {
    if (mayStore()) { try { session = JSON.parse(stored(SESSION)) || session; } catch { /* not ours */ } }
    if (Date.now() - session.at > SESSION_MINUTES * 60000) session = {id: newId(), at: 0};
    session.at = Date.now();
    if (mayStore()) store(SESSION, JSON.stringify(session));
    return session.id;
  };

  const track = (name, fields = {}) => {
    const event = {
      event_id: newId(),
      event_name: name,
      event_timestamp: new Date().toISOString(),
      anonymous_id: device,
      session_id: sessionId(),
      consent,
      platform: "web",
      ...(user && {user_id: user}),
      ...(source && {source}),
      ...fields,
    };
    keep([...queue(), event]);
    later(GATHER_MS);
    return event.event_id;
  };

  const later = (milliseconds) => { timer ??= setTimeout(() => { timer = null; send(); }, milliseconds); };

  const send = async () => {
    const events = queue().slice(0, batch);
    if (sending || !events.length) return;
    sending = true;
    let again = 0;
    try {
      const answer = await fetch(route, {
        method: "POST",
        headers: {"content-type": "application/json"},
        credentials: "omit",
        keepalive: true,
        body: JSON.stringify({events}),
      });
      if (answer.status === 202) {
        for (const error of (await answer.json()).errors) console.warn("shopsight:", events[error.index], error.msg);
        forget(events);
        wait = FIRST_WAIT_MS;
        batch = MAX_BATCH;
      } else if ([408, 429].includes(answer.status) || answer.status >= 500) {
        again = Number(answer.headers.get("retry-after")) * 1000 || wait;
      } else if (events.length > 1) {
        batch = 1;  // one of them makes the request none: the others are to be taken
      } else {
        console.warn("shopsight: an event was refused", answer.status, events[0]);
        forget(events);
      }
    } catch {
      again = wait;  // the collector is away
    }
    sending = false;
    if (again) wait = Math.min(2 * wait, MAX_WAIT_MS);
    if (queue().length) later(again || 1);
  };
  const forget = (events) => {
    const sent = new Set(events.map((event) => event.event_id));
    keep(queue().filter((event) => !sent.has(event.event_id)));
  };

  // A page that ends hears no answer: what it sent stays in the queue, and is a duplicate when the next page sends it.
  const hurry = () => {
    const events = queue().slice(-MAX_BATCH);
    if (events.length) navigator.sendBeacon(route, new Blob([JSON.stringify({events})], {type: "application/json"}));
  };
  addEventListener("pagehide", hurry);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") hurry(); });
  addEventListener("online", () => later(1));

  window.shopsight = {
    track,
    identify: (id) => {
      user = String(id);
      remember();
      return track("identify");
    },
    consent: (given) => {
      const waiting = queue();
      consent = valid(given);
      if (mayStore()) {
        store(CONSENT, consent);
        remember();
      } else {
        for (const name of [QUEUE, DEVICE, USER, SESSION, CONSENT]) store(name, null);
        [device, user, session] = [newId(), null, {id: newId(), at: Date.now()}];
      }
      keep(waiting);
    },
    waiting: () => queue().length,
  };
  remember();
  if (script.dataset.pageView !== "off") {
    track("page_view", {page: location.pathname, referrer: document.referrer || undefined, title: document.title});
  } else if (queue().length) {
    later(1);
  }
})();
