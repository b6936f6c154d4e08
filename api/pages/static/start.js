"use strict";

// Hands the form in and goes to the player. Without this script the form posts by itself.
const form = document.getElementById("hand-in");
const said = document.getElementById("said");
const button = form.querySelector("button");

function say(text, wrong) {
  said.textContent = text;
  said.classList.toggle("wrong", wrong);
  button.disabled = !wrong;
}

function refusal() {
  const file = form.elements.file.files[0];
  if (file && file.size > Number(form.dataset.maxBytes)) {
    return "This file is larger than what is taken here.";
  }
  if (!form.querySelector("[name=languages]:checked")) {
    return "Choose at least one language.";
  }
  return "";
}

async function handIn() {
  // The field has no name, so that the key is sent in this header alone, and kept nowhere.
  const key = document.getElementById("key");
  const headers = key ? { authorization: `Bearer ${key.value.trim()}` } : {};
  const answer = await fetch(form.action, { method: "POST", headers, body: new FormData(form) });
  const body = await answer.json();
  if (!answer.ok) {
    throw new Error(body.detail);
  }
  const language = form.querySelector("[name=languages]:checked").value;
  // Its address is the answer's: it is signed where the video is not for everybody.
  const watch = new URL(body.links.watch[language]);
  location.assign(watch.pathname + watch.search);
}

// What there is to choose from depends on what is spoken.
async function offer(spoken) {
  const key = document.getElementById("key");
  const headers = key && key.value ? { authorization: `Bearer ${key.value.trim()}` } : {};
  const answer = await fetch(`/languages?source_language=${encodeURIComponent(spoken)}`, { headers });
  if (!answer.ok) {
    return;
  }
  const chosen = new Set(Array.from(form.querySelectorAll("[name=languages]:checked"), (box) => box.value));
  const { languages } = await answer.json();
  const targets = document.getElementById("targets");
  targets.querySelectorAll("label, p").forEach((old) => old.remove());
  for (const { language, name, direction } of languages) {
    const label = document.createElement("label");
    label.className = "choice";
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: "languages", value: language, checked: chosen.has(language) });
    const own = document.createElement("span");
    Object.assign(own, { lang: language, dir: direction });
    own.textContent = new Intl.DisplayNames([language], { type: "language" }).of(language);
    const english = document.createElement("span");
    english.className = "quiet";
    english.textContent = name;
    label.append(box, " ", own, " ", english);
    targets.append(label);
  }
}

form.elements.source_language.addEventListener("change", (event) => offer(event.target.value).catch(() => {}));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wrong = refusal();
  if (wrong) {
    say(wrong, true);
    return;
  }
  say("Handing it in …", false);
  handIn().catch((error) => say(error.message, true));
});
