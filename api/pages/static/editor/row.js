// One line of the list: what was said, what the dub says, how it fits, and what can be done.

import { clock, decimal, text } from "../texts.js";

// A text that is longer by this much is said so fast that it is heard.
const HURRIED = 1.15;
const NOTICED = 1.05;

function make(tag, className, content) {
  const element = document.createElement(tag);
  element.className = className;
  if (content !== undefined) {
    element.textContent = content;
  }
  return element;
}

// What is to be looked at, as [name, sentence] each.
export function flagsOf(line, drafts) {
  const said = drafts.textOf(line);
  const isDraft = drafts.get(line.number) !== undefined;
  const placed = line.released?.text === said ? line.released : null;
  const flags = [];
  if (isDraft) {
    flags.push(["draft", text("flag_draft")]);
  } else if (line.edited) {
    const name = line.edited_by_name;
    flags.push(["edited", name ? text("flag_edited_by", { name }) : text("flag_edited")]);
  }
  if (!placed && !isDraft) {
    flags.push(["unspoken", text("flag_unspoken")]);
  }
  if (placed?.flagged) {
    flags.push(["unfit", text("flag_unfit")]);
  } else if (placed && placed.tempo > HURRIED + 0.005) {
    flags.push(["hurried", text("flag_hurried", { tempo: decimal(placed.tempo, 2) })]);
  } else if (!placed && said.length > line.budget_characters * HURRIED) {
    flags.push(["long", text("flag_long")]);
  }
  if (line.doubt) {
    flags.push(["doubt", text("flag_doubt", { why: line.doubt })]);
  }
  if (line.missed.length && !isDraft) {
    flags.push(["missed", text("flag_missed", { terms: line.missed.join(", ") })]);
  }
  if (line.stale) {
    flags.push(["stale", text("flag_stale")]);
  }
  return flags;
}

const PROBLEMS = new Set(["unfit", "hurried", "long", "doubt", "missed", "stale"]);

export function isProblem(line, drafts) {
  return flagsOf(line, drafts).some(([name]) => PROBLEMS.has(name));
}

function fitOf(said, budget) {
  const over = said.length - budget;
  const share = said.length / budget;
  const grade = share <= NOTICED ? "good" : share <= HURRIED ? "tight" : "bad";
  return { grade, share, told: over > 0 ? text("over", { count: over }) : text("left", { count: -over }) };
}

function drawFit(line, said, take) {
  const fit = fitOf(said, line.budget_characters);
  const box = make("div", `fit ${fit.grade}`);
  const bar = make("meter", "");
  Object.assign(bar, { min: 0, max: 1.5, value: Math.min(1.5, fit.share) });
  bar.ariaHidden = "true";
  const spoken = take?.text === said ? take : null;
  const values = spoken && {
    seconds: decimal(spoken.seconds, 2),
    room: decimal(spoken.room_seconds, 2),
    tempo: decimal(spoken.tempo, 2),
  };
  const told = spoken ? text(spoken.fits ? "takes" : "takes_hurried", values) : fit.told;
  box.append(bar, make("span", "told", told));
  return box;
}

function button(does, name, index, isActive, className = "plain") {
  const made = make("button", className, text(name));
  made.type = "button";
  made.tabIndex = isActive ? 0 : -1;
  made.addEventListener("click", (event) => {
    event.stopPropagation();
    does[name === "in_film" ? "film" : name](index);
  });
  return made;
}

function field(value, lang, label, onInput) {
  const made = make("textarea", "");
  Object.assign(made, { value, lang, rows: 2, maxLength: 500, spellcheck: true, dir: "auto" });
  made.setAttribute("aria-label", label);
  made.addEventListener("input", onInput);
  made.addEventListener("click", (event) => event.stopPropagation());
  return made;
}

export function drawRow({ state, drafts, index, does }) {
  const line = state.lines[index];
  const said = drafts.textOf(line);
  const flags = flagsOf(line, drafts);
  const [isActive, isEdited, isCorrected] = [state.active, state.editing, state.correcting].map((at) => at === index);
  const row = make("li", `line${isActive ? " active" : ""}${isEdited || isCorrected ? " open" : ""}`);
  row.tabIndex = isActive ? 0 : -1;
  row.dataset.number = line.number;
  row.setAttribute("aria-posinset", index + 1);
  row.setAttribute("aria-setsize", state.lines.length);
  if (isActive) {
    row.setAttribute("aria-current", "true");
  }
  const words = { number: line.number, time: clock(line.start), speaker: line.speaker, source: line.source, text: said };
  row.setAttribute("aria-label", text("line_label", { ...words, flags: flags.map(([, told]) => told).join(", ") }));

  const at = make("div", "at");
  at.append(make("span", "number", String(line.number)), make("span", "time", clock(line.start)));
  at.append(make("span", "who", text("speaker", { speaker: line.speaker })));

  const source = make("div", "source");
  const heard = make("p", "", line.source);
  heard.dir = "auto";
  source.append(
    isCorrected ? field(line.source, "", `${text("line", words)}: ${text("said")}`, () => {}) : heard,
  );

  const dub = make("div", "dub");
  let fit = drawFit(line, said, state.fits.get(line.number));
  if (isEdited) {
    const typed = field(said, document.getElementById("editor").dataset.language, `${text("line", words)}: ${text("says")}`, () => {
      const fresh = drawFit(line, typed.value.replace(/\s+/g, " ").trim(), state.fits.get(line.number));
      fit.replaceWith(fresh);
      fit = fresh;
      does.typed();
    });
    dub.append(typed);
  } else {
    const words = make("p", "", said);
    Object.assign(words, { dir: "auto", lang: document.getElementById("editor").dataset.language });
    words.addEventListener("click", (event) => {
      event.stopPropagation();
      does.edit(index);
    });
    dub.append(words);
  }

  const marks = make("div", "marks");
  marks.append(...flags.map(([name, told]) => make("span", `badge ${name}`, told)));

  const acts = make("div", "acts");
  const names = isEdited
    ? ["save", "hear", "keep", "give_up"]
    : isCorrected
      ? ["save_source", "give_up"]
      : ["hear", "edit", "in_film", ...(drafts.get(line.number) ? ["save"] : []), ...(drafts.get(line.number) || line.edited ? ["put_back"] : []), "correct_source"];
  const shown = isActive ? names : ["hear"];
  acts.append(...shown.map((name, at) => button(does, name, index, isActive, at === 0 && (isEdited || isCorrected) ? "" : "plain")));

  row.append(at, source, dub, fit, marks, acts);
  row.addEventListener("click", () => does.activate(index));
  return row;
}
