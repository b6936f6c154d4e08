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
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
  const body = await answer.json();
  if (!answer.ok) {
    throw new Error(body.detail);
  }
  const language = form.querySelector("[name=languages]:checked").value;
  location.assign(`/watch?${new URLSearchParams({ v: body.id, lang: language })}`);
}

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
