"use strict";

// The film plays muted while a dub is chosen; the dub's audio element follows it. The film is
// the clock: whatever happens to it (play, pause, seek, stall, speed) happens to the dub.
const NUDGE_FROM = 0.08; // seconds apart before the dub is hurried or slowed
const JUMP_FROM = 0.4; // seconds apart before it is moved: audible, so only when far off
const NUDGE = 0.06;
const RETRY_MS = 2000; // after which media that did not load is asked for again, then twice as long
const LONGEST_RETRY_MS = 60000;
const POLL_MS = 8000; // several open pages may ask as often, and are not refused

const $ = (id) => document.getElementById(id);

function clock(seconds) {
  const whole = Math.floor(seconds || 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function say(sentence) {
  $("said").textContent = sentence;
}

// Tries something again and again, each time after a longer pause.
class Again {
  constructor(act) {
    this.act = act;
    this.tries = 0;
  }

  start() {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.act, Math.min(RETRY_MS * 2 ** this.tries, LONGEST_RETRY_MS));
    this.tries += 1;
  }

  // Whether it had been tried.
  stop() {
    clearTimeout(this.timer);
    const tried = this.tries > 0;
    this.tries = 0;
    return tried;
  }
}

class Player {
  constructor(film, dub) {
    this.film = film;
    this.dub = dub;
    this.muted = false;
    this.volume = 1;
    this.broken = false;
    this.dubAgain = new Again(() => dub.load());
    this.filmAgain = new Again(() => film.load());
  }

  get dubbed() {
    return this.dub.hasAttribute("src");
  }

  choose(track) {
    this.dubAgain.stop();
    this.broken = false;
    say("");
    if (track) {
      this.dub.src = track;
    } else {
      this.dub.pause();
      this.dub.removeAttribute("src");
      this.dub.load();
    }
    this.sound();
    this.follow();
  }

  sound() {
    this.film.muted = (this.dubbed && !this.broken) || this.muted;
    this.dub.muted = this.muted;
    this.film.volume = this.dub.volume = this.volume;
  }

  // A dub that does not load leaves the original to be heard, until it does.
  loseDub(name) {
    this.broken = true;
    this.sound();
    say(`${name} cannot be loaded just now, so this is the original's sound. It is tried again.`);
    this.dubAgain.start();
  }

  findDub() {
    if (this.broken) {
      this.broken = false;
      say("");
      this.sound();
    }
    this.dubAgain.stop();
    this.follow();
  }

  loseFilm() {
    this.place = this.film.currentTime || this.place;
    say("The film cannot be loaded just now. It is tried again.");
    this.filmAgain.start();
  }

  findFilm() {
    if (this.filmAgain.stop()) {
      say("");
      this.film.currentTime = this.place || 0;
    }
  }

  get moving() {
    const film = this.film;
    return !film.paused && !film.seeking && !film.ended && film.readyState >= 3;
  }

  // Put the dub where the film is, and let it run if the film runs.
  follow() {
    if (!this.dubbed || this.broken) {
      return;
    }
    this.dub.playbackRate = this.film.playbackRate;
    if (Math.abs(this.drift()) > NUDGE_FROM / 2) {
      this.dub.currentTime = this.film.currentTime;
    }
    if (this.moving) {
      // A play that a pause overtakes is rejected; the pause is what counts.
      this.dub.play().catch(() => {});
    } else {
      this.dub.pause();
    }
  }

  drift() {
    return this.dub.currentTime - this.film.currentTime;
  }

  correct() {
    if (!this.dubbed || this.broken || !this.moving || this.dub.seeking) {
      return;
    }
    const drift = this.drift();
    const nudged = this.dub.playbackRate !== this.film.playbackRate;
    if (Math.abs(drift) > JUMP_FROM) {
      this.follow();
    } else if (Math.abs(drift) > NUDGE_FROM || (nudged && Math.abs(drift) > 0.02)) {
      this.dub.playbackRate = this.film.playbackRate * (1 - Math.sign(drift) * NUDGE);
    } else if (nudged) {
      this.dub.playbackRate = this.film.playbackRate;
    }
  }

  toggle() {
    if (this.film.paused) {
      this.film.play().catch(() => {});
    } else {
      this.film.pause();
    }
  }

  seek(seconds) {
    this.film.currentTime = Math.min(Math.max(seconds, 0), this.film.duration || 0);
  }
}

function showTime(film) {
  $("seek").max = film.duration || 1;
  $("seek").value = film.currentTime;
  $("seek").setAttribute("aria-valuetext", `${clock(film.currentTime)} of ${clock(film.duration)}`);
  $("clock").textContent = `${clock(film.currentTime)} / ${clock(film.duration)}`;
}

function showIcon(button, name) {
  $(button).querySelector("use").setAttribute("href", `#icon-${name}`);
}

function showPlaying(film) {
  $("play").setAttribute("aria-label", film.paused ? "Play" : "Pause");
  showIcon("play", film.paused ? "play" : "pause");
}

function showCaptions(film, code) {
  for (const track of film.textTracks) {
    track.mode = track.language === code ? "showing" : "disabled";
  }
}

function mute(player, muted) {
  player.muted = muted;
  player.sound();
  $("mute").setAttribute("aria-pressed", String(muted));
  showIcon("mute", muted ? "silence" : "sound");
}

function fullscreen() {
  if (document.fullscreenElement) {
    document.exitFullscreen();
  } else {
    $("player").requestFullscreen().catch(() => {});
  }
}

function choose(player, radio) {
  player.choose(radio.dataset.track);
  const address = new URL(location.href);
  address.searchParams.set("lang", radio.value);
  history.replaceState(null, "", address);
}

function nextCaptions() {
  const select = $("captions");
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
}

function onKey(player, event) {
  // Controls keep their own keys: a space on a button presses that button.
  if (event.target.closest("input, select, button, a, summary") || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const keys = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    ArrowLeft: () => player.seek(player.film.currentTime - 5),
    ArrowRight: () => player.seek(player.film.currentTime + 5),
    m: () => mute(player, !player.muted),
    c: nextCaptions,
    f: fullscreen,
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
}

function wireFilm(player) {
  const film = player.film;
  for (const name of ["play", "playing", "pause", "waiting", "seeking", "seeked", "ratechange", "ended"]) {
    film.addEventListener(name, () => player.follow());
  }
  player.dub.addEventListener("loadedmetadata", () => player.findDub());
  player.dub.addEventListener("error", () => {
    if (player.dubbed) {
      player.loseDub(document.querySelector("[name=sound]:checked").closest("label").innerText.trim());
    }
  });
  film.addEventListener("loadedmetadata", () => player.findFilm());
  film.addEventListener("error", () => player.loseFilm());
  for (const name of ["timeupdate", "durationchange", "seeked"]) {
    film.addEventListener(name, () => showTime(film));
  }
  film.addEventListener("play", () => showPlaying(film));
  film.addEventListener("pause", () => showPlaying(film));
  film.addEventListener("click", () => player.toggle());
  setInterval(() => player.correct(), 100);
}

function wireControls(player) {
  const film = player.film;
  $("play").addEventListener("click", () => player.toggle());
  $("seek").addEventListener("input", (event) => player.seek(Number(event.target.value)));
  $("mute").addEventListener("click", () => mute(player, !player.muted));
  $("volume").addEventListener("input", (event) => {
    player.volume = Number(event.target.value);
    mute(player, false);
  });
  $("rate").addEventListener("change", (event) => {
    film.playbackRate = Number(event.target.value);
  });
  $("captions").addEventListener("change", (event) => showCaptions(film, event.target.value));
  $("fullscreen").addEventListener("click", fullscreen);
  for (const radio of document.getElementsByName("sound")) {
    radio.addEventListener("change", () => choose(player, radio));
  }
  document.addEventListener("keydown", (event) => onKey(player, event));
}

function startPlayer() {
  const film = $("film");
  const player = new Player(film, $("dub"));
  film.removeAttribute("controls");
  $("bar").hidden = $("sounds").hidden = false;
  wireFilm(player);
  wireControls(player);
  const chosen = document.querySelector("[name=sound]:checked");
  if (chosen) {
    player.choose(chosen.dataset.track);
  }
  showTime(film);
  showPlaying(film);
  // It may have failed before anybody listened.
  if (film.error) {
    player.loseFilm();
  }
}

async function askPlainly(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    throw new Error((await answer.json()).detail);
  }
}

function settled(video, spoken, captions) {
  // Where keys are asked for, keyed.js is there before this.
  const send = typeof askWithKey === "function" ? askWithKey : askPlainly;
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
  const believe = button.textContent;
  settle.hidden = false;
  settle.addEventListener("change", () => {
    const words = $("words").files.length ? "Use these captions" : believe;
    button.textContent = $("spoken").value ? "Listen again" : words;
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

// The page itself is asked again, so that its words are the server's. Its address is noted
// before a switch of languages changes it.
const asked = location.href;

async function poll() {
  const answer = await fetch(asked, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const stage = page.getElementById("stage");
  if (stage) {
    $("stage").textContent = stage.textContent;
  } else if (answer.ok) {
    arrive();
  }
}

// Somebody may be watching another language: that is not to be interrupted.
function arrive() {
  if (!$("film")) {
    location.replace(asked);
    return;
  }
  clearInterval(polling);
  const link = document.createElement("a");
  link.href = asked;
  link.textContent = "See how it came out";
  $("waiting").firstElementChild.replaceChildren(link);
}

if ($("film")) {
  startPlayer();
}
if ($("settle")) {
  startSettling($("settle"));
}
// A server that is away for a moment is asked again.
const polling = $("stage") && setInterval(() => poll().catch(() => {}), POLL_MS);
