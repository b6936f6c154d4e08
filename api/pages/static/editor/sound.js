// Takes, played by themselves or in their place in the film.

// Decoded sound is large: so many takes are kept, the last ones heard.
const KEPT = 40;
const BEFORE_SECONDS = 1;
const QUIET = 0.15;

export class Sounds {
  constructor(film) {
    this.film = film;
    this.kept = new Map();
    this.playing = null;
    this.watching = null;
  }

  // To be called from a click or a key: browsers let nothing sound before one.
  wake() {
    this.context ??= new AudioContext();
    this.context.resume();
  }

  async decode(name, fetchBytes) {
    if (!this.kept.has(name)) {
      this.kept.set(name, await this.context.decodeAudioData(await fetchBytes()));
      if (this.kept.size > KEPT) {
        this.kept.delete(this.kept.keys().next().value);
      }
    }
    return this.kept.get(name);
  }

  play(buffer, onEnd) {
    this.stop();
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.onended = () => {
      if (this.playing === source) {
        this.playing = null;
      }
      onEnd();
    };
    this.playing = source;
    source.start();
  }

  // The film from a second before the line, made quiet while the take is heard in its place.
  playInFilm(buffer, start, end, onEnd) {
    this.stop();
    const film = this.film;
    const volume = film.volume;
    let begun = false;
    film.currentTime = Math.max(0, start - BEFORE_SECONDS);
    const over = () => {
      clearInterval(timer);
      film.pause();
      film.volume = volume;
      this.watching = null;
      onEnd();
    };
    const timer = setInterval(() => {
      if (buffer && !begun && film.currentTime >= start) {
        begun = true;
        film.volume = volume * QUIET;
        const source = new AudioBufferSourceNode(this.context, { buffer });
        source.connect(this.context.destination);
        source.start(0, Math.min(buffer.duration, film.currentTime - start));
        this.playing = source;
      }
      if (film.ended || film.currentTime >= end + BEFORE_SECONDS) {
        over();
      }
    }, 15);
    this.watching = over;
    film.play().catch(over);
  }

  stop() {
    const { playing, watching } = this;
    this.playing = null;
    playing?.stop();
    watching?.();
  }
}
