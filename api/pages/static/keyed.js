"use strict";

// What only whoever has an API key may do on a video's page. The key is kept for this tab alone, and
// sent in a header alone: no address, form or cookie has it.
const HELD = "dub-key";
const keyed = document.getElementById("keyed");
const field = document.getElementById("key");
const keyedSaid = document.getElementById("key-said");
const act = document.getElementById("act");

async function askWithKey(address, options = {}) {
  const key = field.value.trim() || sessionStorage.getItem(HELD);
  if (!key) {
    keyed.querySelector("details").open = true;
    field.focus();
    throw new Error("This needs an API key with the scope `write`: type it below.");
  }
  const headers = { accept: "application/json", ...options.headers, authorization: `Bearer ${key}` };
  const answer = await fetch(address, { ...options, headers });
  if (!answer.ok) {
    if (answer.status === 401) {
      forget();
    }
    throw new Error((await answer.json()).detail);
  }
  sessionStorage.setItem(HELD, key);
  field.value = "";
  showHeld();
  return answer;
}

function forget() {
  sessionStorage.removeItem(HELD);
  field.value = "";
  showHeld();
}

function showHeld() {
  const held = sessionStorage.getItem(HELD) !== null;
  document.getElementById("forget").hidden = !held;
  field.placeholder = held ? "the one that this tab has" : "";
}

// Its address is the answer's: it is signed where the video is not for everybody.
async function ask() {
  const answer = await askWithKey(keyed.dataset.dub, { method: "POST" });
  const watch = new URL((await answer.json()).links.watch);
  location.assign(watch.pathname + watch.search);
}

// Who has no key is not told whether what they watch is up to date, nor what that costs.
async function look() {
  const dub = await (await askWithKey(keyed.dataset.dub)).json();
  if (!dub.stale_because.some((why) => why !== "edits")) {
    keyedSaid.textContent = "It is what it should be: there is nothing to bring up to date.";
    return;
  }
  const quoted = await askWithKey(`${keyed.dataset.dub}?dry_run=true`, { method: "PUT" });
  const { usd } = (await quoted.json()).estimate;
  keyedSaid.textContent = "It is from before something was changed that it should say by now.";
  act.textContent = usd === undefined ? "Bring it up to date" : `Bring it up to date for about $${usd.toFixed(2)}`;
  act.dataset.does = "ask";
}

async function doAct() {
  keyedSaid.textContent = "";
  try {
    await (act.dataset.does === "ask" ? ask() : look());
  } catch (error) {
    keyedSaid.textContent = error.message;
  }
}

keyed.hidden = false;
showHeld();
document.getElementById("forget").addEventListener("click", () => {
  forget();
  keyedSaid.textContent = "The key is forgotten.";
});
if (act) {
  keyed.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    doAct();
  });
  if (act.dataset.does === "look" && sessionStorage.getItem(HELD)) {
    keyed.querySelector("details").open = true;
    doAct();
  }
} else {
  keyed.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
}
