// Keeps a dub in step with the film. The film is the clock and plays muted; whatever happens to it
// happens to the dub. Both are held until both can play, and begin together; after that the dub is
// hurried or slowed a little, by as much as it is off.
//
// The film is a video element, or what acts like one (youtube.js). One that says `holds = false` is
// not held for the dub, because stopping it takes too long.

const EVERY_MS = 100;
const MOST = 0.04; // a change of speed that nobody hears
const WIDTH_SECONDS = 0.8; // off by so much would be made good in a second, but for MOST
// After a start, where nobody knows yet how it sounds, and after something stumbled: harder.
const MOST_FRESH = 0.12;
const WIDTH_FRESH_SECONDS = 0.3;
const FRESH_MS = 1000;
const FAR_SECONDS = 0.05;
const DEAD_SECONDS = 0.008;
const JUMP_SECONDS = 0.15;
const HOLD_MS = 600; // then the film goes on, and the dub comes when it can
const SETTLES_MS = 150; // after a start, before the two are compared
const LAGS = 7; // of which the median counts
const FIRST_LAG = 0.03;
const MOST_LAG = 0.15;
const RETRY_MS = 2000; // after which media that did not load are asked for again, then twice as long
const LONGEST_RETRY_MS = 60000;

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

  now() {
    clearTimeout(this.timer);
    this.act();
  }

  // Whether it had been tried.
  stop() {
    clearTimeout(this.timer);
    const tried = this.tries > 0;
    this.tries = 0;
    return tried;
  }
}

function canPlay(media) {
  return !media.seeking && media.readyState >= 3;
}

// Resolves when the media can play, or cannot in time.
function becomesReady(media) {
  if (canPlay(media)) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const names = ["canplay", "seeked", "playing", "error"];
    const settle = (event) => {
      if (!event || event.type === "error" || canPlay(media)) {
        clearTimeout(timer);
        names.forEach((name) => media.removeEventListener(name, settle));
        resolve();
      }
    };
    const timer = setTimeout(settle, HOLD_MS);
    names.forEach((name) => media.addEventListener(name, settle));
  });
}

function median(numbers) {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

// Tells `change` when what is shown of it may be different, and `lost` and `found` of media.
export class Player extends EventTarget {
  constructor(film, dub) {
    super();
    this.film = film;
    this.dub = dub;
    this.muted = false;
    this.volume = 1;
    this.broken = false;
    this.wants = false; // whether it is to play, whatever it waits for
    this.holding = false;
    this.turn = 0; // of beginning together: a later one ends those before it
    this.comparesFrom = 0;
    this.lags = new Map(); // by speed: how much later than the film this browser begins a sound
    this.dubAgain = new Again(() => dub.load());
    this.filmAgain = new Again(() => film.load());
    this.wire();
  }

  wire() {
    const { film, dub } = this;
    film.addEventListener("play", () => this.wants || this.play());
    film.addEventListener("pause", () => film.paused && !this.holding && this.wants && this.pause());
    film.addEventListener("ended", () => this.pause());
    film.addEventListener("seeking", () => this.together());
    film.addEventListener("ratechange", () => this.followRate());
    film.addEventListener("waiting", () => film.readyState < 3 && !this.holding && dub.pause());
    film.addEventListener("playing", () => this.heard && this.wants && !this.holding && dub.paused && this.together());
    film.addEventListener("loadedmetadata", () => this.findFilm());
    film.addEventListener("error", () => this.loseFilm());
    dub.addEventListener("loadedmetadata", () => this.findDub());
    dub.addEventListener("waiting", () => this.runs && !dub.seeking && dub.readyState < 3 && this.together());
    dub.addEventListener("error", () => this.dubbed && this.loseDub());
    setInterval(() => this.correct(), EVERY_MS);
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  get dubbed() {
    return this.dub.hasAttribute("src");
  }

  // Whether the dub is what is to be heard.
  get heard() {
    return this.dubbed && !this.broken;
  }

  get runs() {
    return this.heard && this.wants && !this.holding;
  }

  get lead() {
    const { playbackRate: rate } = this.film;
    const lag = median(this.lags.get(rate) ?? this.lags.get(1) ?? [FIRST_LAG]);
    return Math.max(-MOST_LAG, Math.min(MOST_LAG, lag));
  }

  play() {
    this.wants = true;
    this.dub.preload = "auto";
    if (this.film.ended) {
      this.film.currentTime = 0;
    }
    if (this.heard && this.dub.paused) {
      // Some browsers let only what a click has begun play later, too.
      this.dub.play().catch(() => {});
    }
    this.together();
    this.tell("change");
  }

  pause() {
    this.wants = this.holding = false;
    this.turn += 1;
    this.film.pause();
    this.dub.pause();
    this.place();
    this.tell("change");
  }

  toggle() {
    if (this.wants) {
      this.pause();
    } else {
      this.play();
    }
  }

  seek(seconds) {
    this.film.currentTime = Math.min(Math.max(seconds, 0), this.film.duration || 0);
  }

  setRate(rate) {
    this.film.playbackRate = rate;
    this.followRate();
  }

  followRate() {
    this.dub.playbackRate = this.film.playbackRate;
    this.comparesFrom = Math.max(this.comparesFrom, performance.now() + SETTLES_MS);
    this.tell("change");
  }

  choose(track) {
    this.dubAgain.stop();
    this.turn += 1;
    this.broken = false;
    if (track) {
      this.dub.src = track;
    } else {
      this.dub.pause();
      this.dub.removeAttribute("src");
      this.dub.load();
    }
    this.sound();
    if (!track && this.holding) {
      this.together();
    }
    this.tell("change");
  }

  sound() {
    this.film.muted = this.heard || this.muted;
    this.dub.muted = this.muted;
    this.film.volume = this.dub.volume = this.volume;
  }

  place() {
    if (this.heard && Number.isFinite(this.dub.duration)) {
      const wanted = this.film.currentTime + (this.wants ? this.lead : 0);
      this.dub.currentTime = Math.min(Math.max(wanted, 0), this.dub.duration);
      this.placedAhead = wanted - this.film.currentTime;
    }
  }

  // Both wait until both can play, and begin at once.
  async together() {
    const { film, dub } = this;
    const turn = (this.turn += 1);
    if (!this.heard) {
      this.holding = false;
      this.begin();
      return;
    }
    dub.playbackRate = film.playbackRate;
    if (this.wants && film.holds !== false) {
      this.holding = true;
      film.pause();
    }
    dub.pause();
    await becomesReady(film);
    if (turn !== this.turn) {
      return;
    }
    this.place();
    await becomesReady(dub);
    if (turn !== this.turn) {
      return;
    }
    this.holding = false;
    if (this.begin()) {
      this.comparesFrom = performance.now() + SETTLES_MS;
      setTimeout(() => turn === this.turn && this.learn(), SETTLES_MS);
    }
  }

  begin() {
    if (!this.wants) {
      return false;
    }
    // A play that a pause overtakes is rejected; the pause is what counts.
    if (this.heard && !this.isOver) {
      this.dub.play().catch(() => {});
    }
    this.film.play().catch((error) => this.refuse(error));
    return this.heard;
  }

  // A browser that lets nothing play before a click.
  refuse(error) {
    if (error.name === "NotAllowedError") {
      this.pause();
    }
  }

  get isOver() {
    return this.film.currentTime >= this.dub.duration - 0.05;
  }

  get moves() {
    return this.runs && !this.film.paused && canPlay(this.film) && !this.dub.paused && !this.dub.seeking;
  }

  drift() {
    return this.dub.currentTime - this.film.currentTime;
  }

  learn() {
    if (this.moves) {
      const { playbackRate: rate } = this.film;
      const lags = [...(this.lags.get(rate) ?? []), this.placedAhead - this.drift()];
      this.lags.set(rate, lags.slice(-LAGS));
    }
  }

  correct() {
    if (!this.moves || performance.now() < this.comparesFrom) {
      return;
    }
    const drift = this.drift();
    if (Math.abs(drift) > JUMP_SECONDS && !this.isOver) {
      this.together();
      return;
    }
    const isFresh = performance.now() < this.comparesFrom + FRESH_MS || Math.abs(drift) > FAR_SECONDS;
    const [most, width] = isFresh ? [MOST_FRESH, WIDTH_FRESH_SECONDS] : [MOST, WIDTH_SECONDS];
    const off = Math.abs(drift) < DEAD_SECONDS ? 0 : Math.max(-most, Math.min(most, drift / width));
    const rate = this.film.playbackRate * (1 - off);
    if (Math.abs(rate - this.dub.playbackRate) > 0.0005) {
      this.dub.playbackRate = rate;
    }
  }

  // A dub that does not load leaves the original to be heard, until it does.
  loseDub() {
    this.broken = true;
    this.turn += 1;
    this.sound();
    if (this.holding) {
      this.together();
    }
    this.dubAgain.start();
    this.tell("change");
  }

  findDub() {
    this.dubAgain.stop();
    this.broken = false;
    this.sound();
    this.together();
    this.tell("change");
  }

  loseFilm() {
    this.lost = true;
    this.placeBefore = this.film.currentTime || this.placeBefore;
    this.filmAgain.start();
    this.tell("change");
  }

  findFilm() {
    if (this.filmAgain.stop()) {
      this.lost = false;
      this.film.currentTime = this.placeBefore || 0;
    }
    this.tell("change");
  }

  tryNow() {
    if (this.lost) {
      this.filmAgain.now();
    }
    if (this.broken) {
      this.dubAgain.now();
    }
  }
}
