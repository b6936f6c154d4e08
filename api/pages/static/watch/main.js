// The watch page, and the player in frames of other sites: what its controls and keys do.

import { text } from "../texts.js";
import { startKeyed } from "./keyed.js";
import { choices, placeIn, remember, rememberPlace } from "./memory.js";
import { Player } from "./sync.js";
import { clock, secondsIn } from "./time.js";
import { Transcript } from "./transcript.js";
import { startWaiting } from "./waiting.js";
import { YouTubeFilm } from "./youtube.js";

const $ = (id) => document.getElementById(id);
const RATES = ["0.5", "0.75", "1", "1.25", "1.5", "1.75", "2"];
const IDLE_MS = 3000;
const BUSY_MS = 300;
const MARK_MS = 5000;
const PLACE_MS = 5000;
const TAP_MS = 300;
const YOUTUBE_MS = 15000;
const FRAME_SECONDS = 1 / 25;

class Page {
  constructor(film) {
    this.box = $("player");
    this.film = film;
    this.video = this.box.dataset.video;
    this.player = new Player(film, $("dub"));
    this.captions = "";
    // Captions are in the film, or beside the sound where the film is YouTube's.
    this.texted = film.textTracks ? film : $("dub");
    this.transcript = $("transcript") && new Transcript(this.texted, (seconds) => this.goTo(seconds));
  }

  start() {
    this.box.hidden = $("bar").hidden = false;
    this.film.controls = false;
    this.wireFilm();
    this.wireControls();
    this.wireScreen();
    this.wireDialogs();
    this.wireMediaSession();
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.recall();
    this.show();
    this.showTime();
    // It may have failed before anybody listened.
    if (this.film.error) {
      this.player.loseFilm();
    }
  }

  // What this browser remembers, unless the address says otherwise.

  recall() {
    const known = choices();
    const player = this.player;
    player.muted = known.muted === true;
    player.volume = Number.isFinite(known.volume) ? Math.min(1, Math.max(0, known.volume)) : 1;
    $("volume").value = player.volume;
    if (RATES.includes(known.rate)) {
      $("rate").value = known.rate;
      player.setRate(Number(known.rate));
    }
    let radio = document.querySelector("[name=sound]:checked");
    if (!this.box.dataset.named && known.sound) {
      radio = this.radioOf(known.sound) ?? radio;
    }
    radio ??= document.querySelector("[name=sound]");
    if (radio) {
      radio.checked = true;
      this.hear(radio);
    }
    this.setWide(known.wide === true);
    if (known.captions) {
      this.setCaptions(this.hasCaptions(radio?.value) ? radio.value : known.captions);
    }
    if (this.transcript && this.texted.textTracks.length) {
      $("open-transcript").hidden = false;
      this.setTranscript(known.transcript !== false);
    }
    this.recallPlace();
  }

  recallPlace() {
    const asked = secondsIn(new URLSearchParams(location.search).get("t"));
    if (asked !== null) {
      this.whenKnown(() => this.player.seek(asked));
      return;
    }
    const place = placeIn(this.video);
    if (place !== null) {
      $("resume").hidden = false;
      $("resume").textContent = text("go_on", { time: clock(place) });
      $("resume").addEventListener("click", () => {
        $("resume").hidden = true;
        this.goTo(place);
        this.player.play();
      });
    }
  }

  whenKnown(act) {
    if (this.film.readyState >= 1) {
      act();
    } else {
      this.film.addEventListener("loadedmetadata", act, { once: true });
    }
  }

  radioOf(code) {
    return [...document.getElementsByName("sound")].find((radio) => radio.value === code);
  }

  // Sound, captions and speed.

  hear(radio) {
    this.sound = radio.value;
    this.player.choose(radio.dataset.track);
    const name = radio.closest("label").querySelector("span").textContent;
    $("language-now").textContent = name;
    $("mark-text").textContent = `${text("ai_dubbed")} · ${name}`;
    $("mark").lang = document.documentElement.lang;
    this.mark();
    if (this.captions && this.hasCaptions(radio.value)) {
      this.setCaptions(radio.value);
    }
    if (this.transcript && this.hasCaptions(radio.value)) {
      $("transcript-language").value = radio.value;
      this.showTracks();
    }
  }

  choose(radio) {
    radio.checked = true;
    this.hear(radio);
    remember({ sound: radio.value });
    const address = new URL(location.href);
    address.searchParams.set("lang", radio.value);
    history.replaceState(null, "", address);
    const other = $("other-language");
    if (other) {
      const there = new URL(other.href);
      there.searchParams.set("lang", radio.value);
      other.href = there;
    }
  }

  nextSound() {
    const radios = [...document.getElementsByName("sound")];
    this.choose(radios[(radios.findIndex((radio) => radio.checked) + 1) % radios.length]);
  }

  hasCaptions(code) {
    return [...this.texted.textTracks].some((track) => track.language === code);
  }

  setCaptions(code) {
    if (!$("captions")) {
      return;
    }
    this.captions = this.hasCaptions(code) ? code : "";
    $("captions").value = this.captions;
    $("cc").setAttribute("aria-pressed", String(this.captions !== ""));
    this.showTracks();
  }

  toggleCaptions() {
    const first = $("captions")?.options[1]?.value;
    this.setCaptions(this.captions ? "" : this.hasCaptions(this.sound) ? this.sound : first);
    remember({ captions: this.captions });
  }

  nextCaptions() {
    const codes = [...($("captions")?.options ?? [])].map((option) => option.value);
    this.setCaptions(codes[(codes.indexOf(this.captions) + 1) % codes.length]);
    remember({ captions: this.captions });
  }

  showTracks() {
    const read = this.transcript && !$("transcript").hidden ? $("transcript-language").value : "";
    for (const track of this.texted.textTracks) {
      const other = track.language === read ? "hidden" : "disabled";
      track.mode = track.language === this.captions ? "showing" : other;
    }
    if (this.transcript && read && read !== this.transcript.language) {
      this.transcript.show(read);
    }
  }

  setTranscript(open) {
    $("transcript").hidden = !open;
    $("desk").classList.toggle("alone", !open);
    $("open-transcript").setAttribute("aria-pressed", String(open));
    this.showTracks();
  }

  toggleTranscript() {
    if (this.transcript && !$("open-transcript").hidden) {
      this.setTranscript($("transcript").hidden);
      remember({ transcript: !$("transcript").hidden });
    }
  }

  mute(muted) {
    this.player.muted = muted;
    this.player.sound();
    remember({ muted });
    this.show();
  }

  setVolume(volume) {
    this.player.volume = Math.min(1, Math.max(0, volume));
    $("volume").value = this.player.volume;
    remember({ volume: this.player.volume });
    this.mute(false);
  }

  setRate(rate) {
    $("rate").value = rate;
    this.player.setRate(Number(rate));
    remember({ rate });
  }

  stepRate(by) {
    const at = RATES.indexOf($("rate").value) + by;
    if (RATES[at]) {
      this.setRate(RATES[at]);
    }
  }

  goTo(seconds) {
    this.player.seek(seconds);
    this.wake();
  }

  move(by) {
    this.goTo(this.film.currentTime + by);
  }

  setWide(wide) {
    $("theatre")?.setAttribute("aria-pressed", String(wide));
    $("desk")?.classList.toggle("wide", wide);
  }

  toggleWide() {
    if ($("theatre")) {
      const wide = $("theatre").getAttribute("aria-pressed") !== "true";
      this.setWide(wide);
      remember({ wide });
    }
  }

  toggleFullscreen() {
    if (document.fullscreenElement) {
      document.exitFullscreen();
    } else if (this.box.requestFullscreen) {
      this.box.requestFullscreen().catch(() => {});
    } else {
      // A phone that shows nothing but a film on its full screen.
      this.film.webkitEnterFullscreen?.();
    }
  }

  async togglePicture() {
    try {
      await (document.pictureInPictureElement ? document.exitPictureInPicture() : this.film.requestPictureInPicture());
    } catch {
      return;
    }
  }

  // What is shown of it.

  show() {
    const { player } = this;
    const button = $("play");
    button.setAttribute("aria-label", text(player.wants ? "pause" : "play"));
    button.querySelector("use").setAttribute("href", player.wants ? "#icon-pause" : "#icon-play");
    $("mute").setAttribute("aria-pressed", String(player.muted));
    $("mute").querySelector("use").setAttribute("href", player.muted ? "#icon-silence" : "#icon-sound");
    this.box.classList.toggle("playing", player.wants);
    let said = "";
    if (player.lost) {
      said = text("film_lost");
    } else if (player.broken) {
      said = text("dub_lost", { language: $("language-now").textContent });
    }
    $("said").textContent = said;
    $("again").hidden = !said;
    if (player.wants) {
      $("resume").hidden = true;
    }
    this.showBusy();
    this.wake();
  }

  showTime() {
    const { film } = this;
    $("seek").max = film.duration || 1;
    $("seek").value = film.currentTime;
    const [at, end] = [clock(film.currentTime), clock(film.duration)];
    $("seek").setAttribute("aria-valuetext", text("position_of", { at, end }));
    $("clock").textContent = `${at} / ${end}`;
  }

  // Only what takes longer than a moment.
  showBusy() {
    clearTimeout(this.busy);
    const waits = () => this.player.wants && !this.film.ended && (this.film.readyState < 3 || this.player.holding);
    $("busy").hidden = true;
    if (waits()) {
      this.busy = setTimeout(() => ($("busy").hidden = !waits()), BUSY_MS);
    }
  }

  // Nobody is to take the voice for a person's.
  mark() {
    clearTimeout(this.marking);
    $("mark").hidden = !this.player.dubbed;
    this.marked = false;
  }

  hideMarkLater() {
    if (!this.marked && !$("mark").hidden) {
      this.marked = true;
      this.marking = setTimeout(() => ($("mark").hidden = true), MARK_MS);
    }
  }

  // Controls go away over a film that plays, and come back when somebody moves.
  wake() {
    this.box.classList.remove("idle");
    clearTimeout(this.idling);
    this.idling = setTimeout(() => {
      const inUse = this.box.querySelector("details[open], #bar :focus-visible");
      this.box.classList.toggle("idle", this.player.wants && !inUse);
    }, IDLE_MS);
  }

  wireFilm() {
    const { film, player } = this;
    player.addEventListener("change", () => this.show());
    for (const name of ["timeupdate", "durationchange", "seeked", "loadedmetadata"]) {
      film.addEventListener(name, () => this.showTime());
    }
    for (const name of ["waiting", "playing", "seeking", "seeked", "canplay"]) {
      film.addEventListener(name, () => this.showBusy());
    }
    film.addEventListener("playing", () => this.hideMarkLater());
    const keepPlace = () => film.duration && player.wants && rememberPlace(this.video, film.currentTime, film.duration);
    setInterval(keepPlace, PLACE_MS);
    addEventListener("pagehide", keepPlace);
    film.addEventListener("ended", () => rememberPlace(this.video, film.duration, film.duration));
  }

  wireControls() {
    const { player } = this;
    const buttons = {
      play: () => player.toggle(),
      mute: () => this.mute(!player.muted),
      cc: () => this.toggleCaptions(),
      fullscreen: () => this.toggleFullscreen(),
      theatre: () => this.toggleWide(),
      picture: () => this.togglePicture(),
      again: () => player.tryNow(),
      "open-transcript": () => this.toggleTranscript(),
      "open-share": () => this.openShare(),
      "open-keys": () => $("keys-dialog").showModal(),
    };
    for (const [id, act] of Object.entries(buttons)) {
      $(id)?.addEventListener("click", act);
    }
    $("seek").addEventListener("input", (event) => player.seek(Number(event.target.value)));
    $("volume").addEventListener("input", (event) => this.setVolume(Number(event.target.value)));
    $("rate").addEventListener("change", (event) => this.setRate(event.target.value));
    $("captions")?.addEventListener("change", (event) => {
      this.setCaptions(event.target.value);
      remember({ captions: this.captions });
    });
    $("transcript-language")?.addEventListener("change", () => this.showTracks());
    for (const radio of document.getElementsByName("sound")) {
      radio.addEventListener("change", () => this.choose(radio));
    }
    $("picture").hidden = !(document.pictureInPictureEnabled && this.film.requestPictureInPicture);
    $("open-share")?.removeAttribute("hidden");
    // A menu ends with a click elsewhere, or Escape.
    document.addEventListener("pointerdown", (event) => {
      for (const menu of document.querySelectorAll(".menu[open]")) {
        menu.open = menu.contains(event.target);
      }
    });
  }

  wireScreen() {
    const box = this.box;
    for (const name of ["pointermove", "focusin", "keydown"]) {
      box.addEventListener(name, () => this.wake());
    }
    box.addEventListener("pointerenter", () => ($("dub").preload = "auto"), { once: true });
    if (this.film.holds === false) {
      return;
    }
    let last = null;
    this.film.addEventListener("click", (event) => {
      if (event.pointerType !== "touch") {
        this.player.toggle();
        return;
      }
      const side = (event.offsetX / this.film.clientWidth) * 3;
      const isSecond = last !== null && event.timeStamp - last < TAP_MS;
      last = isSecond ? null : event.timeStamp;
      if (isSecond && (side < 1 || side > 2)) {
        this.move(side < 1 ? -10 : 10);
      } else if (!this.player.wants) {
        this.player.play();
      } else if (box.classList.contains("idle")) {
        this.wake();
      } else {
        box.classList.add("idle");
      }
    });
  }

  // Sharing, and the list of keys.

  wireDialogs() {
    for (const button of document.querySelectorAll("[data-closes]")) {
      button.addEventListener("click", () => button.closest("dialog").close());
    }
    $("share-from")?.addEventListener("change", () => this.showShare());
    for (const what of ["link", "embed"]) {
      $(`copy-${what}`)?.addEventListener("click", () => this.copy($(`share-${what}`)));
    }
  }

  openShare() {
    if ($("share-dialog")) {
      this.from = Math.floor(this.film.currentTime);
      $("share-from-text").textContent = text("share_from", { time: clock(this.from) });
      $("shared").textContent = "";
      this.showShare();
      $("share-dialog").showModal();
    }
  }

  // A link that is signed is handed on as it is: whoever has it may watch.
  showShare() {
    const link = new URL(this.box.dataset.share || location.href);
    link.searchParams.set("lang", this.sound);
    link.searchParams.delete("hl");
    link.searchParams.delete("t");
    if ($("share-from").checked) {
      link.searchParams.set("t", this.from);
    }
    $("share-link").value = link;
    if ($("share-embed")) {
      const frame = document.createElement("iframe");
      frame.src = new URL(`/embed${link.search}`, link);
      frame.width = 640;
      frame.height = 360;
      frame.title = this.box.dataset.title;
      frame.allow = "autoplay; fullscreen; picture-in-picture";
      frame.allowFullscreen = true;
      $("share-embed").value = frame.outerHTML;
    }
  }

  async copy(field) {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      $("shared").textContent = text("copied");
    } catch {
      $("shared").textContent = text("copy_failed");
    }
  }

  wireMediaSession() {
    const session = navigator.mediaSession;
    if (!session) {
      return;
    }
    const { title, channel } = this.box.dataset;
    session.metadata = new MediaMetadata({ title, artist: channel });
    const acts = {
      play: () => this.player.play(),
      pause: () => this.player.pause(),
      seekbackward: (asked) => this.move(-(asked.seekOffset || 10)),
      seekforward: (asked) => this.move(asked.seekOffset || 10),
      seekto: (asked) => this.goTo(asked.seekTime),
      previoustrack: () => this.transcript?.step(-1, this.film.currentTime),
      nexttrack: () => this.transcript?.step(1, this.film.currentTime),
    };
    for (const [name, act] of Object.entries(acts)) {
      try {
        session.setActionHandler(name, act);
      } catch {
        // A browser that does not know it.
      }
    }
    this.player.addEventListener("change", () => (session.playbackState = this.player.wants ? "playing" : "paused"));
  }

  // Letters and digits work whatever was clicked last, but in fields; a focused control keeps its own
  // keys, and a slider or list its arrows where somebody came to it by Tab.

  get keys() {
    const { player, film } = this;
    return {
      " ": () => player.toggle(),
      k: () => player.toggle(),
      j: () => this.move(-10),
      l: () => this.move(10),
      ArrowLeft: () => this.move(-5),
      ArrowRight: () => this.move(5),
      ",": () => player.wants || this.move(-FRAME_SECONDS),
      ".": () => player.wants || this.move(FRAME_SECONDS),
      ArrowUp: () => this.setVolume(player.volume + 0.05),
      ArrowDown: () => this.setVolume(player.volume - 0.05),
      m: () => this.mute(!player.muted),
      c: () => this.toggleCaptions(),
      C: () => this.nextCaptions(),
      n: () => this.nextSound(),
      f: () => this.toggleFullscreen(),
      t: () => this.toggleWide(),
      i: () => this.togglePicture(),
      p: () => this.toggleTranscript(),
      s: () => this.openShare(),
      "<": () => this.stepRate(-1),
      ">": () => this.stepRate(1),
      Home: () => this.goTo(0),
      End: () => this.goTo(film.duration || 0),
      "?": () => $("keys-dialog").showModal(),
    };
  }

  onKey(event) {
    if (event.key === "Escape") {
      this.closeMenus();
      return;
    }
    const { target } = event;
    const inField = target.matches("textarea, input:not([type=radio], [type=checkbox], [type=range])");
    const isControlled = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    if (inField || isControlled || document.querySelector("dialog[open]") || event.defaultPrevented) {
      return;
    }
    const isPress = [" ", "Enter"].includes(event.key);
    if (isPress && target.matches("button, a, summary, select, input")) {
      return;
    }
    const isMove = event.key.startsWith("Arrow") || ["Home", "End"].includes(event.key);
    if (isMove && this.byTab && target.matches("select, input")) {
      return;
    }
    const digit = /^[0-9]$/.test(event.key);
    const act = digit ? () => this.goTo((this.film.duration || 0) * Number(event.key) * 0.1) : this.keys[event.key];
    if (act && !(isMove && this.isReading(target))) {
      event.preventDefault();
      act();
    }
  }

  // Up and down scroll what is beside and below the player.
  isReading(target) {
    return target.closest("#transcript") !== null;
  }

  closeMenus() {
    for (const menu of document.querySelectorAll(".menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }

  noteFocus() {
    document.addEventListener("keydown", (event) => event.key === "Tab" && (this.byTab = true), true);
    document.addEventListener("pointerdown", () => (this.byTab = false), true);
  }
}

function startPage(film) {
  const page = new Page(film);
  page.byTab = false;
  page.noteFocus();
  page.start();
  return page;
}

// YouTube is asked for nothing before somebody wants its pictures.
function offerYouTube(box) {
  $("offer").hidden = false;
  $("show-youtube").addEventListener("click", () => {
    $("offer").hidden = $("sound-alone").hidden = true;
    $("sound-alone").querySelectorAll("audio").forEach((sound) => sound.pause());
    box.hidden = false;
    const { origin, youtube: id, title } = box.dataset;
    const film = new YouTubeFilm($("screen"), { origin, id, title });
    const away = setTimeout(() => {
      box.hidden = true;
      $("sound-alone").hidden = false;
      $("offer").replaceChildren(text("youtube_away"));
      $("offer").hidden = false;
    }, YOUTUBE_MS);
    film.addEventListener("loadedmetadata", () => {
      clearTimeout(away);
      startPage(film);
    }, { once: true });
  });
}

if ($("film")) {
  startPage($("film"));
} else if ($("player")) {
  offerYouTube($("player"));
}
if ($("keyed")) {
  startKeyed($("keyed"));
}
if ($("watch")) {
  startWaiting($("watch"));
}
