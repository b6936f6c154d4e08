// YouTube's player in a frame, as far as the page needs it to act like a video element. It is spoken
// to by the messages that YouTube's own script sends, so that none of its scripts runs on this page.

const ASK_MS = 250;
const STATES = { ended: 0, playing: 1, paused: 2, buffering: 3 };

export class YouTubeFilm extends EventTarget {
  constructor(place, { origin, id, title }) {
    super();
    this.holds = false;
    this.origin = origin;
    this.readyState = 0;
    this.paused = true;
    this.ended = this.seeking = false;
    this.duration = 0;
    this.known = { at: performance.now(), seconds: 0, rate: 1, runs: false };
    this.frame = document.createElement("iframe");
    const query = new URLSearchParams({ enablejsapi: 1, origin: location.origin, playsinline: 1, rel: 0, mute: 1 });
    Object.assign(this.frame, { title, allow: "autoplay; encrypted-media; picture-in-picture" });
    // YouTube plays nothing for a page that it is not told of.
    this.frame.referrerPolicy = "strict-origin-when-cross-origin";
    this.frame.allowFullscreen = true;
    this.frame.src = `${origin}/embed/${encodeURIComponent(id)}?${query}`;
    place.prepend(this.frame);
    addEventListener("message", (event) => this.hear(event));
    this.asking = setInterval(() => this.send({ event: "listening" }), ASK_MS);
    this.ticking = setInterval(() => this.known.runs && this.tell("timeupdate"), ASK_MS);
  }

  send(message) {
    this.frame.contentWindow?.postMessage(JSON.stringify({ ...message, id: 1, channel: "widget" }), this.origin);
  }

  command(func, ...args) {
    this.send({ event: "command", func, args });
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  hear(event) {
    if (event.origin !== this.origin || event.source !== this.frame.contentWindow) {
      return;
    }
    let told;
    try {
      told = JSON.parse(event.data);
    } catch {
      return;
    }
    if (told?.event === "onError") {
      this.tell("error");
      return;
    }
    if (this.readyState === 0) {
      clearInterval(this.asking);
      this.readyState = 3;
      this.tell("loadedmetadata");
    }
    if (told?.event === "infoDelivery" || told?.event === "initialDelivery") {
      this.learn(told.info ?? {});
    }
  }

  learn({ currentTime, duration, playbackRate, playerState }) {
    const now = performance.now();
    if (Number.isFinite(duration) && duration !== this.duration) {
      this.duration = duration;
      this.tell("durationchange");
    }
    if (Number.isFinite(playbackRate) && playbackRate !== this.known.rate) {
      this.known = { ...this.known, at: now, seconds: this.currentTime, rate: playbackRate };
      this.tell("ratechange");
    }
    if (Number.isFinite(currentTime)) {
      const moved = Math.abs(currentTime - this.currentTime) > 1;
      this.known = { ...this.known, at: now, seconds: currentTime };
      if (this.seeking) {
        this.seeking = false;
        this.tell("seeked");
      } else if (moved) {
        this.tell("seeking");
      }
    }
    if (Number.isFinite(playerState)) {
      this.become(playerState);
    }
  }

  become(state) {
    const before = this.known.runs;
    this.known = { ...this.known, at: performance.now(), seconds: this.currentTime, runs: state === STATES.playing };
    this.ended = state === STATES.ended;
    this.readyState = state === STATES.buffering ? 2 : 3;
    if (state === STATES.playing && !before) {
      const paused = this.paused;
      this.paused = false;
      if (paused) {
        this.tell("play");
      }
      this.tell("playing");
    } else if (state === STATES.buffering && before) {
      this.tell("waiting");
    } else if ((state === STATES.paused || state === STATES.ended) && !this.paused) {
      this.paused = true;
      this.tell("pause");
    }
    if (this.ended) {
      this.tell("ended");
    }
  }

  get currentTime() {
    const { at, seconds, rate, runs } = this.known;
    return runs ? seconds + ((performance.now() - at) / 1000) * rate : seconds;
  }

  set currentTime(seconds) {
    this.known = { ...this.known, at: performance.now(), seconds };
    this.seeking = true;
    this.command("seekTo", seconds, true);
    this.tell("seeking");
  }

  get playbackRate() {
    return this.known.rate;
  }

  set playbackRate(rate) {
    this.command("setPlaybackRate", rate);
  }

  set muted(muted) {
    this.command(muted ? "mute" : "unMute");
  }

  set volume(volume) {
    this.command("setVolume", Math.round(volume * 100));
  }

  async play() {
    this.command("playVideo");
  }

  pause() {
    this.command("pauseVideo");
  }

  load() {
    this.send({ event: "listening" });
  }
}
