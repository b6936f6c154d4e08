// A dub that is being made: its steps while they happen, and what can be done where it waits for
// somebody. The page itself is asked again, so that its words are the server's; the stream of events
// says when.

import { Api } from "../api.js";
import { text } from "../texts.js";
import { askWithKey, hasKey } from "./keyed.js";

const POLL_MS = 8000; // several open pages may ask as often, and are not refused
const LEAST_MS = 1000; // between two looks at the page, however much happens
const AGAIN_MS = 3000;
const AWAY_MS = 5000;

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));
// Noted before a switch of languages changes it.
const asked = location.href;

let over = false;
let looking = null;

function isUnderWay() {
  return $("stage") !== null;
}

async function look() {
  const answer = await fetch(asked, { headers: { accept: "text/html" } });
  if (!answer.ok || over) {
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("waiting");
  if (!fresh) {
    arrive();
  } else if (fresh.innerHTML !== $("waiting").dataset.as) {
    show(fresh);
  }
}

// Events come in bursts; one look is enough for all that came meanwhile.
function lookSoon() {
  looking ??= pause(LEAST_MS)
    .then(look)
    .catch(() => {})
    .finally(() => (looking = null));
  return looking;
}

function show(fresh) {
  const waiting = $("waiting");
  waiting.dataset.as = fresh.innerHTML;
  waiting.dataset.status = fresh.dataset.status;
  waiting.replaceChildren(...fresh.childNodes);
  showSince();
  over = !isUnderWay();
  if ($("settle")) {
    startSettling($("settle"));
  }
}

// Somebody may be watching another language: that is not to be interrupted.
function arrive() {
  over = true;
  if (!$("player") || $("player").hidden) {
    location.replace(asked);
    return;
  }
  const link = Object.assign(document.createElement("a"), { href: asked, textContent: text("see_it") });
  $("waiting").replaceChildren(Object.assign(document.createElement("p"), {}));
  $("waiting").firstElementChild.append(link);
}

function showSince() {
  const since = $("since")?.dataset.since;
  if (since) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
    const count = seconds < 90 ? seconds : Math.round(seconds / 60);
    $("since").textContent = `, ${text("since", { time: text(seconds < 90 ? "seconds" : "minutes", { count }) })}`;
  }
}

// Who may not read the stream, or cannot now, looks at the page from time to time.
async function listen(video) {
  const api = new Api(video, "");
  let after = "";
  while (!over) {
    const away = setTimeout(() => ($("line-away").hidden = false), AWAY_MS);
    const back = () => {
      clearTimeout(away);
      $("line-away").hidden = true;
    };
    try {
      await api.listen(`${api.video}/events`, after, (event, told, id) => {
        back();
        after = id ?? after;
        lookSoon();
      });
      back();
    } catch {
      await pause(AGAIN_MS);
    }
    await lookSoon();
    await pause(AGAIN_MS);
    clearTimeout(away);
  }
}

async function poll() {
  while (!over) {
    await pause(POLL_MS);
    await look().catch(() => {});
  }
}

async function askPlainly(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    throw new Error((await answer.json()).detail);
  }
}

function settled(video, spoken, captions) {
  const send = $("keyed") ? askWithKey : askPlainly;
  if (captions && !spoken) {
    const form = new FormData();
    form.append("captions", captions);
    return send(`${video}/captions`, { method: "PUT", body: form });
  }
  const body = JSON.stringify(spoken ? { source_language: spoken } : { believe: true });
  return send(video, { method: "PATCH", headers: { "content-type": "application/json" }, body });
}

// What was misheard can be settled here by whoever may.
function startSettling(settle) {
  const button = settle.querySelector("button");
  settle.hidden = false;
  settle.addEventListener("change", () => {
    const hasWords = $("words").files.length > 0;
    const believes = text(hasWords ? "use_captions" : "believe");
    button.textContent = $("spoken").value ? text("listen_again") : believes;
  });
  settle.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await settled(settle.dataset.video, $("spoken").value, $("words").files[0]);
      location.reload();
    } catch (error) {
      $("settled").textContent = error.message;
    }
  });
}

export function startWaiting(page) {
  if ($("settle")) {
    startSettling($("settle"));
  }
  if (!isUnderWay()) {
    return;
  }
  showSince();
  setInterval(() => over || showSince(), 1000);
  if ("open" in page.dataset || hasKey()) {
    listen(page.dataset.video);
  } else {
    poll();
  }
}
