// The line editor: what is on the page, and what keys and buttons do.

import { Api, Conflict, Refused } from "../api.js";
import { Drafts } from "./drafts.js";
import { VirtualList } from "./list.js";
import { drawRow, isProblem } from "./row.js";
import { Sounds } from "./sound.js";
import { clock, decimal, text } from "../texts.js";

const $ = (id) => document.getElementById(id);
const { video, language } = $("editor").dataset;
const MOST_EDITS = 200;
const AGAIN_MS = 3000;
const ROOM_BELOW = 10;

const api = new Api(video, language);
const drafts = new Drafts(`dub-drafts:${video}:${language}`);
const sounds = new Sounds($("film"));
const state = { lines: [], index: new Map(), active: 0, editing: null, correcting: null, fits: new Map(), follows: null };

const list = new VirtualList($("scroller"), $("lines"), {
  guess: () => (matchMedia("(max-width: 44rem)").matches ? 170 : 74),
  draw: (index) => drawRow({ state, drafts, index, does }),
});

function say(message) {
  $("said").textContent = message;
}

// What went wrong, in the platform's own sentence where it has one.
function sayError(error) {
  say(error instanceof Refused ? error.message : text("unreachable"));
  if (!(error instanceof Refused || error instanceof TypeError)) {
    throw error;
  }
}

function lineOf(number) {
  return state.lines[state.index.get(number)];
}

function showSummary() {
  const edited = state.lines.filter((line) => line.edited).length;
  const problems = state.lines.filter((line) => isProblem(line, drafts)).length;
  const parts = [text("summary", { count: state.lines.length })];
  parts.push(...(edited ? [text("summary_edited", { count: edited })] : []));
  parts.push(...(problems ? [text("summary_problems", { count: problems })] : []));
  $("summary").textContent = parts.join(" · ");
  $("publish").disabled = drafts.size === 0;
  $("publish").textContent = drafts.size ? text("publish_drafts", { count: drafts.size }) : text("publish");
  $("undo").disabled = drafts.done.length === 0;
  $("redo").disabled = drafts.undone.length === 0;
}

function redraw(numbers) {
  for (const number of numbers) {
    list.redraw(state.index.get(number));
  }
  showSummary();
}

function takeLines(lines) {
  const before = state.lines.length;
  state.lines = lines;
  state.index = new Map(lines.map((line, index) => [line.number, index]));
  state.active = Math.min(state.active, Math.max(0, lines.length - 1));
  list.pinned = state.active;
  if (before !== lines.length) {
    list.setCount(lines.length);
  } else {
    // What somebody is typing in stays as it is.
    for (const index of list.rows.keys()) {
      if (index !== state.editing && index !== state.correcting) {
        list.redraw(index);
      }
    }
  }
  showSummary();
}

async function load() {
  const { value } = await api.read(api.lines);
  takeLines(value.lines);
}

async function loadFilm() {
  const [about, dub] = await Promise.all([api.read(api.video), api.read(api.dub)]);
  $("video-title").textContent = about.value.title || video;
  document.title = `${$("video-title").textContent} · ${text("title")}`;
  $("watch").href = api.own(dub.value.links.watch);
  const film = dub.value.video_url;
  if (film && $("film").getAttribute("src") !== film) {
    // Our own files by this page's name; a bucket's by its own.
    $("film").src = new URL(film).pathname.startsWith("/media/") ? api.own(film) : film;
    document.querySelector(".film").hidden = false;
  }
  return dub.value;
}

// Where somebody is: one row is active, can be reached by Tab, and shows its buttons.

function activate(index, { focus = true } = {}) {
  const before = state.active;
  state.active = Math.max(0, Math.min(state.lines.length - 1, index));
  list.pinned = state.active;
  if (before !== state.active) {
    list.redraw(before);
    list.redraw(state.active);
  }
  const row = list.reveal(state.active);
  if (focus) {
    row?.focus({ preventScroll: true });
  }
}

function nextProblem(step) {
  const count = state.lines.length;
  for (let moved = 1; moved <= count; moved += 1) {
    const index = (state.active + step * moved + count * moved) % count;
    if (isProblem(state.lines[index], drafts)) {
      activate(index);
      return;
    }
  }
  say(text("no_problem"));
}

// Writing: leaving a line keeps what was written as a draft.

function startEdit(index) {
  leave();
  activate(index, { focus: false });
  state.editing = index;
  list.redraw(index);
  const field = list.reveal(index).querySelector("textarea");
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

function startCorrecting(index) {
  leave();
  activate(index, { focus: false });
  state.correcting = index;
  list.redraw(index);
  list.reveal(index).querySelector("textarea").focus();
}

function written() {
  const field = list.rows.get(state.editing)?.querySelector("textarea");
  return field?.value.replace(/\s+/g, " ").trim() || null;
}

function leave({ keep = true } = {}) {
  const { editing, correcting } = state;
  if (editing !== null) {
    const line = state.lines[editing];
    const said = written();
    state.editing = null;
    if (keep && said !== null && drafts.change([[line, said]])) {
      say(drafts.get(line.number) ? text("kept", { number: line.number }) : "");
    }
    redraw([line.number]);
  }
  if (correcting !== null) {
    state.correcting = null;
    redraw([state.lines[correcting].number]);
  }
}

function putBack(index) {
  leave({ keep: false });
  const line = state.lines[index];
  const draft = drafts.get(line.number);
  if (drafts.change([[line, draft ? line.text : null]])) {
    say(draft ? text("undone") : text("put_back_done", { number: line.number }));
  }
  redraw([line.number]);
}

function step(which) {
  leave();
  const numbers = drafts[which](lineOf);
  say(numbers.length ? text(which === "undo" ? "undone" : "redone") : text("nothing_to_undo"));
  redraw(numbers);
  if (numbers.length) {
    activate(state.index.get(numbers[0]));
  }
}

// Saving: one line, or all drafts as one release. What others have changed meanwhile is shown, and
// nothing is written over it before somebody says so.

function moved(lines) {
  const found = new Map();
  const now = new Map(lines.map((line) => [line.number, line]));
  for (const [number, draft] of drafts.byNumber) {
    const line = now.get(number);
    if (!line || line.text !== draft.base || line.source !== draft.source) {
      found.set(number, line ?? null);
    }
  }
  return found;
}

function refuse(found) {
  if (found.size) {
    throw new Conflict(found);
  }
}

async function saveLine(index) {
  leave();
  const line = state.lines[index];
  const draft = drafts.get(line.number);
  activate(index);
  if (!draft) {
    return;
  }
  const path = `${api.lines}/${line.number}`;
  const check = (now) => {
    const found = moved([now]);
    refuse(found.has(line.number) ? new Map([[line.number, now]]) : new Map());
  };
  await saving(async () => {
    const [method, body] = draft.text === null ? ["DELETE", undefined] : ["PUT", { text: draft.text }];
    const saved = await api.write(method, path, body, check);
    drafts.drop([line.number]);
    state.lines[index] = saved;
    redraw([line.number]);
    say(text(draft.text === null ? "put_back_done" : "saved", { number: line.number }));
  });
}

async function publish() {
  leave();
  const count = drafts.size;
  if (!count) {
    return;
  }
  await saving(async () => {
    while (drafts.size) {
      const some = [...drafts.byNumber].slice(0, MOST_EDITS);
      const lines = some.map(([number, draft]) => ({ number, text: draft.text }));
      const saved = await api.write("PATCH", api.lines, { lines }, (now) => refuse(moved(now.lines)));
      drafts.drop(some.map(([number]) => number));
      takeLines(saved.lines);
    }
    say(text("published", { count }));
  });
}

async function saving(work) {
  $("publish").disabled = true;
  try {
    await work();
    follow();
  } catch (error) {
    if (error instanceof Conflict) {
      await settle(error.now, () => saving(work));
    } else {
      sayError(error);
    }
  } finally {
    showSummary();
  }
}

function conflictOf(number, line) {
  const field = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = text("line", { number });
  field.append(legend);
  const by = line?.edited_by_name;
  const theirs = line ? text(by ? "conflict_theirs_by" : "conflict_theirs", { name: by }) : text("conflict_gone");
  const draft = drafts.get(number);
  const choices = [
    ...(line ? [["theirs", theirs, line.text]] : []),
    ["mine", line ? text("conflict_mine") : theirs, draft.text ?? line?.translation ?? ""],
  ];
  for (const [value, title, words] of choices) {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: `line-${number}`, value });
    radio.checked = value === choices[0][0];
    const what = Object.assign(document.createElement("strong"), { textContent: title });
    const said = Object.assign(document.createElement("q"), { textContent: words, lang: language });
    label.append(radio, " ", what, " ", said);
    field.append(label);
  }
  return field;
}

async function settle(now, again) {
  const dialog = $("conflict-dialog");
  $("conflicts").replaceChildren(...[...now].map(([number, line]) => conflictOf(number, line)));
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resume) => dialog.addEventListener("close", resume, { once: true }));
  await load();
  if (dialog.returnValue !== "go") {
    return;
  }
  const mine = new Set();
  for (const radio of $("conflicts").querySelectorAll("input:checked")) {
    const number = Number(radio.name.slice("line-".length));
    if (radio.value === "mine" && lineOf(number)) {
      mine.add(number);
      // What is written over is what was shown, not what somebody has written since.
      drafts.rebase(now.get(number));
    } else {
      drafts.drop([number]);
    }
  }
  redraw(now.keys());
  if (mine.size || drafts.size) {
    await again();
  }
}

async function saveSource(index) {
  const line = state.lines[index];
  const field = list.rows.get(index).querySelector("textarea");
  const said = field.value.replace(/\s+/g, " ").trim();
  const check = (now) => refuse(now.text === line.source ? new Map() : new Map([[line.number, null]]));
  try {
    await api.write("PUT", `${api.video}/lines/${line.number}`, { text: said }, check);
  } catch (error) {
    if (error instanceof Conflict) {
      // Somebody has corrected the same line: what they wrote is shown where this was.
      say(text("conflict_title"));
      await load();
    } else {
      sayError(error);
      return;
    }
  }
  leave();
  await load();
  activate(index);
  say(text("source_saved", { number: line.number }));
  offerRenewal();
}

function offerRenewal() {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text("renew") });
  button.addEventListener("click", async () => {
    try {
      await api.ask(api.dub, { method: "PUT" });
      follow();
    } catch (error) {
      sayError(error);
    }
  });
  showProgress(button);
}

// Hearing: what the release has, or else a draft, which is spoken for it.

function isReleased(line, said) {
  return Boolean(line.released) && line.released.text === said;
}

async function soundOf(line, said) {
  if (isReleased(line, said)) {
    try {
      const address = api.own(line.released.take_url);
      return await sounds.decode(`${address} ${said}`, () => bytes(address));
    } catch (error) {
      // It is spoken anew already, for the release to come.
      if (error.code !== "lines_not_ready") {
        throw error;
      }
    }
  }
  say(text("speaking", { number: line.number }));
  const answer = await api.ask(`${api.lines}/${line.number}/take`, { method: "POST", body: { text: said } });
  const take = await answer.json();
  state.fits.set(line.number, take);
  return sounds.decode(take.url, () => bytes(api.own(take.url)));
}

async function bytes(address) {
  return (await api.ask(address, { headers: { accept: "*/*" } })).arrayBuffer();
}

async function hear(index, how) {
  const line = state.lines[index];
  const said = (index === state.editing && written()) || drafts.textOf(line);
  sounds.wake();
  sounds.stop();
  try {
    const buffer = await soundOf(line, said);
    showFit(line);
    const over = () => list.rows.get(index)?.classList.remove("sounding");
    list.rows.get(index)?.classList.add("sounding");
    if (how === "film") {
      const { start } = isReleased(line, said) ? line.released : line;
      sounds.playInFilm(buffer, start, Math.max(line.end, start + buffer.duration), over);
    } else {
      sounds.play(buffer, over);
    }
  } catch (error) {
    sayError(error);
  }
}

function showFit(line) {
  const take = state.fits.get(line.number);
  if (!take) {
    say(text("playing", { number: line.number }));
    return;
  }
  const values = { seconds: decimal(take.seconds, 2), room: decimal(take.room_seconds, 2), tempo: decimal(take.tempo, 2) };
  say(`${text("line", { number: line.number })}: ${text(take.fits ? "takes" : "takes_hurried", values)}`);
  if (state.editing === null) {
    redraw([line.number]);
  }
}

// The new release, while it is made.

function showProgress(...parts) {
  $("progress").hidden = parts.length === 0;
  $("progress").replaceChildren(...parts);
}

async function follow() {
  state.follows?.abort();
  const stopping = (state.follows = new AbortController());
  let dub;
  try {
    dub = (await api.read(api.dub)).value;
  } catch (error) {
    sayError(error);
    return;
  }
  if (showDub(dub.status, dub.stage, dub.error)) {
    return;
  }
  let after = "";
  while (!stopping.signal.aborted) {
    try {
      let over = false;
      await api.listen(
        `${api.video}/events`,
        after,
        (event, told, id) => {
          after = id ?? after;
          const { data } = told;
          if (event?.startsWith("dub.") && data.language === language && data.generation >= dub.generation) {
            over = showDub(event.slice("dub.".length), data.stage, data.error) || over;
          }
        },
        stopping.signal,
      );
      if (over) {
        await Promise.all([load(), loadFilm()]);
        return;
      }
    } catch (error) {
      if (stopping.signal.aborted || error instanceof Refused) {
        return;
      }
    }
    await new Promise((resume) => setTimeout(resume, AGAIN_MS));
  }
}

// Whether that is the end of it.
function showDub(status, stage, error) {
  if (status === "released") {
    const link = Object.assign(document.createElement("a"), { href: $("watch").href, textContent: text("watch_it") });
    showProgress(`${text("released")} `, link);
  } else if (status === "failed") {
    showProgress(text("failed", { why: error?.message ?? "" }));
  } else if (status === "queued" || status === "running") {
    const pulse = Object.assign(document.createElement("span"), { className: "pulse" });
    const what = stage ? text("making", { stage: text(`stage_${stage}`) }) : text("making_waits");
    showProgress(pulse, ` ${what}`);
  }
  return status === "released" || status === "failed";
}

// Find and replace: over all lines, as one step.

function pattern() {
  const plain = $("find").value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return plain && new RegExp(plain, $("case").checked ? "gu" : "giu");
}

function having() {
  const wanted = pattern();
  return wanted ? state.lines.filter((line) => drafts.textOf(line).search(wanted) >= 0) : [];
}

function showFound() {
  const count = having().length;
  const told = count ? text("found", { count }) : text("found_none");
  $("found").textContent = $("find").value ? told : "";
  $("do-replace").disabled = count === 0;
}

function replaceAll() {
  const [wanted, fresh] = [pattern(), $("with").value];
  const texts = having().map((line) => [line, drafts.textOf(line).replace(wanted, () => fresh).trim()]);
  const count = drafts.change(texts.filter(([, said]) => said));
  $("replace-dialog").close();
  redraw(texts.map(([line]) => line.number));
  say(text("replaced", { count }));
}

// Buttons of rows, and keys.

const does = {
  activate: (index) => activate(index, { focus: false }),
  edit: startEdit,
  hear: (index) => hear(index),
  film: (index) => hear(index, "film"),
  save: (index) => saveLine(index),
  keep: (index) => {
    leave();
    activate(index);
  },
  give_up: (index) => {
    leave({ keep: false });
    activate(index);
  },
  put_back: putBack,
  correct_source: startCorrecting,
  save_source: (index) => saveSource(index),
  typed: () => showSummary(),
};

function onFieldKey(event, index) {
  const isSource = state.correcting === index;
  if (event.key === "Escape") {
    does.give_up(index);
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    (isSource ? does.save_source : does.save)(index);
  } else if (event.key === "Enter" && event.altKey && !isSource) {
    hear(index);
  } else if (event.key === "Enter") {
    // A line is one line.
  } else if (event.altKey && ["ArrowDown", "ArrowUp"].includes(event.key) && !isSource) {
    const next = index + (event.key === "ArrowDown" ? 1 : -1);
    leave();
    if (state.lines[next]) {
      startEdit(next);
    } else {
      activate(index);
    }
  } else {
    return;
  }
  event.preventDefault();
}

const MOVES = {
  ArrowDown: 1,
  ArrowUp: -1,
  j: 1,
  k: -1,
  PageDown: ROOM_BELOW,
  PageUp: -ROOM_BELOW,
  Home: -Infinity,
  End: Infinity,
};

const KEYS = {
  Enter: () => startEdit(state.active),
  " ": () => (sounds.playing || sounds.watching ? sounds.stop() : hear(state.active)),
  p: () => hear(state.active),
  f: () => hear(state.active, "film"),
  n: () => nextProblem(1),
  N: () => nextProblem(-1),
  Escape: () => sounds.stop(),
  "?": () => $("keys-dialog").showModal(),
};

const WITH_CONTROL = {
  z: () => step("undo"),
  y: () => step("redo"),
  Z: () => step("redo"),
  s: () => publish(),
  h: () => openReplace(),
};

function openReplace() {
  leave();
  $("replace-dialog").showModal();
  $("find").focus();
  showFound();
}

function onKey(event) {
  if (document.querySelector("dialog[open]") || event.isComposing) {
    return;
  }
  const row = event.target.closest(".line");
  const inField = event.target.matches("textarea, input, select");
  if (event.target.matches("textarea") && row) {
    onFieldKey(event, Number(row.dataset.index));
  }
  if (event.defaultPrevented) {
    return;
  }
  const controlled = (event.ctrlKey || event.metaKey) && !event.altKey && WITH_CONTROL[event.key];
  // In a text, undo is the text's own.
  if (controlled && !(inField && ["z", "y", "Z"].includes(event.key))) {
    event.preventDefault();
    controlled();
  } else if (!inField && !event.ctrlKey && !event.metaKey && !event.altKey && state.lines.length) {
    onPlainKey(event);
  }
}

function onPlainKey(event) {
  const isButton = event.target.closest("button, a, video");
  if (event.key in MOVES && !event.target.closest("video")) {
    event.preventDefault();
    activate(state.active + MOVES[event.key]);
  } else if (KEYS[event.key] && !(isButton && [" ", "Enter"].includes(event.key))) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

function wire() {
  document.addEventListener("keydown", onKey);
  $("publish").addEventListener("click", publish);
  $("undo").addEventListener("click", () => step("undo"));
  $("redo").addEventListener("click", () => step("redo"));
  $("next-problem").addEventListener("click", () => nextProblem(1));
  $("open-replace").addEventListener("click", openReplace);
  $("open-keys").addEventListener("click", () => $("keys-dialog").showModal());
  $("do-replace").addEventListener("click", replaceAll);
  for (const id of ["find", "case"]) {
    $(id).addEventListener("input", showFound);
  }
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    api.key = $("key").value.trim();
    $("key").value = "";
    start();
  });
  $("forget").addEventListener("click", () => {
    api.key = null;
    location.reload();
  });
  api.onKeyWanted = () => {
    $("key-form").hidden = false;
    $("key").focus();
  };
  addEventListener("beforeunload", () => leave());
}

async function start() {
  try {
    await load();
    $("forget").hidden = !api.key;
    const dub = await loadFilm();
    if (["queued", "running"].includes(dub.status)) {
      follow();
    } else if (dub.stale_because.includes("source")) {
      offerRenewal();
    }
    say("");
    const asked = Number(new URLSearchParams(location.search).get("line") ?? NaN);
    if (state.index.has(asked)) {
      activate(state.index.get(asked));
    }
  } catch (error) {
    $("summary").textContent = "";
    sayError(error);
  }
}

wire();
start();
