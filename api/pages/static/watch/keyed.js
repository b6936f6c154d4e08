// What only whoever has an API key may do on a video's page. The key is kept for this tab alone, and
// sent in a header alone: no address, form or cookie has it.

import { text } from "../texts.js";

const HELD = "dub-key";
const $ = (id) => document.getElementById(id);

export function hasKey() {
  return sessionStorage.getItem(HELD) !== null;
}

export async function askWithKey(address, options = {}) {
  const key = $("key").value.trim() || sessionStorage.getItem(HELD);
  if (!key) {
    $("keyed").querySelector("details").open = true;
    $("key").focus();
    throw new Error(text("key_wanted"));
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
  $("key").value = "";
  showHeld();
  return answer;
}

function forget() {
  sessionStorage.removeItem(HELD);
  $("key").value = "";
  showHeld();
}

function showHeld() {
  $("forget").hidden = !hasKey();
  $("key").placeholder = hasKey() ? text("key_held") : "";
}

// Its address is the answer's: it is signed where the video is not for everybody.
async function ask(dub) {
  const answer = await askWithKey(dub, { method: "POST" });
  const watch = new URL((await answer.json()).links.watch);
  location.assign(watch.pathname + watch.search);
}

// Who has no key is not told whether what they watch is up to date, nor what that costs.
async function look(address) {
  const dub = await (await askWithKey(address)).json();
  if (!dub.stale_because.some((why) => why !== "edits")) {
    $("key-said").textContent = text("up_to_date");
    return;
  }
  const quoted = await askWithKey(`${address}?dry_run=true`, { method: "PUT" });
  const { usd } = (await quoted.json()).estimate;
  $("key-said").textContent = text("out_of_date");
  $("act").textContent = usd === undefined ? text("renew") : text("renew_about", { price: `$${usd.toFixed(2)}` });
  $("act").dataset.does = "ask";
}

export function startKeyed(keyed) {
  const act = $("act");
  const { dub } = keyed.dataset;
  const doAct = async () => {
    $("key-said").textContent = "";
    try {
      await (act.dataset.does === "ask" ? ask(dub) : look(dub));
    } catch (error) {
      $("key-said").textContent = error.message;
    }
  };
  keyed.hidden = false;
  showHeld();
  $("forget").addEventListener("click", () => {
    forget();
    $("key-said").textContent = text("forgotten");
  });
  keyed.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (act) {
      doAct();
    }
  });
  if (act?.dataset.does === "look" && hasKey()) {
    keyed.querySelector("details").open = true;
    doAct();
  }
}
