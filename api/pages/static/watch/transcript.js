// What is said, beside the film: the captions as a list of lines to go to.

import { clock } from "./time.js";

const $ = (id) => document.getElementById(id);

export class Transcript {
  // `media` has the captions; `goTo` is told a place in seconds.
  constructor(media, goTo) {
    this.media = media;
    this.goTo = goTo;
    this.language = "";
    this.follows = true;
    this.shown = null;
    this.list = $("said-lines");
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) {
        this.goTo(Number(button.dataset.start));
        this.setFollows(true);
      }
    });
    for (const name of ["wheel", "touchmove"]) {
      this.list.addEventListener(name, () => this.setFollows(false), { passive: true });
    }
    $("back-to-now").addEventListener("click", () => {
      this.setFollows(true);
      this.reveal();
    });
    $("transcript-find").addEventListener("input", () => this.find());
  }

  get track() {
    return [...this.media.textTracks].find((track) => track.language === this.language);
  }

  setFollows(follows) {
    this.follows = follows;
    $("back-to-now").hidden = follows;
  }

  // The captions are there once their track is not disabled, which main.js sees to.
  show(language) {
    if (this.track) {
      this.track.oncuechange = null;
    }
    this.language = language;
    this.list.lang = language;
    this.list.dir = $("transcript-language").selectedOptions[0]?.dir ?? "";
    this.list.replaceChildren();
    this.draw();
  }

  draw() {
    const { track } = this;
    if (!track) {
      return;
    }
    if (!track.cues?.length) {
      const element = [...this.media.querySelectorAll("track")].find((each) => each.track === track);
      element.addEventListener("load", () => track === this.track && this.draw(), { once: true });
      return;
    }
    this.rows = new Map();
    this.list.replaceChildren(...[...track.cues].map((cue) => this.row(cue)));
    track.oncuechange = () => this.mark();
    this.mark();
    this.find();
  }

  row(cue) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.start = cue.startTime;
    const time = Object.assign(document.createElement("time"), { textContent: clock(cue.startTime) });
    const words = Object.assign(document.createElement("span"), { textContent: cue.getCueAsHTML().textContent });
    button.append(time, " ", words);
    const item = document.createElement("li");
    item.append(button);
    this.rows.set(cue, item);
    return item;
  }

  mark() {
    const now = this.rows.get([...(this.track.activeCues ?? [])].at(-1));
    if (now && now !== this.shown) {
      this.shown?.querySelector("button").removeAttribute("aria-current");
      now.querySelector("button").setAttribute("aria-current", "true");
      this.shown = now;
      if (this.follows) {
        this.reveal();
      }
    }
  }

  // Only the list is scrolled, never the page.
  reveal() {
    if (this.shown?.isConnected) {
      const { list, shown } = this;
      list.scrollTop = shown.offsetTop - (list.clientHeight - shown.clientHeight) / 2;
    }
  }

  // To the line before or after the one that is said now.
  step(by, now) {
    const starts = [...(this.track?.cues ?? [])].map((cue) => cue.startTime);
    const before = starts.filter((start) => start <= now + 0.01).length - 1;
    const wanted = starts[Math.max(0, by < 0 && now - starts[before] > 2 ? before : before + by)];
    if (wanted !== undefined) {
      this.goTo(wanted);
    }
  }

  find() {
    const wanted = $("transcript-find").value.trim().toLocaleLowerCase();
    for (const item of this.list.children) {
      item.hidden = wanted !== "" && !item.textContent.toLocaleLowerCase().includes(wanted);
    }
  }
}
