// What the editor asks of the API. The key is kept for this tab alone and sent in a header alone, as
// on the watch page.

const HELD = "dub-key";
// Somebody else edits another line at the same moment: that is no reason to give up.
const TRIES = 6;

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail);
    this.status = status;
    this.code = problem.code;
  }
}

// Others have changed what was read; `now` are their lines, by number.
export class Conflict extends Error {
  constructor(now) {
    super("conflict");
    this.now = now;
  }
}

export class Api {
  constructor(video, language) {
    this.video = `/videos/${encodeURIComponent(video)}`;
    this.dub = `${this.video}/dubs/${encodeURIComponent(language)}`;
    this.lines = `${this.dub}/lines`;
    this.onKeyWanted = () => {};
  }

  get key() {
    return sessionStorage.getItem(HELD);
  }

  set key(value) {
    if (value) {
      sessionStorage.setItem(HELD, value);
    } else {
      sessionStorage.removeItem(HELD);
    }
  }

  async ask(path, { method = "GET", body, headers = {}, signal } = {}) {
    const sent = { accept: "application/json", ...headers };
    if (this.key) {
      sent.authorization = `Bearer ${this.key}`;
    }
    if (body !== undefined) {
      sent["content-type"] = "application/json";
    }
    const options = { method, headers: sent, signal, body: body === undefined ? undefined : JSON.stringify(body) };
    const answer = await fetch(path, options);
    if (!answer.ok) {
      if (answer.status === 401) {
        this.key = null;
        this.onKeyWanted();
      }
      const problem = await answer.json().catch(() => ({ detail: answer.statusText, code: "" }));
      throw new Refused(answer.status, problem);
    }
    return answer;
  }

  async read(path) {
    const answer = await this.ask(path);
    return { value: await answer.json(), etag: answer.headers.get("etag") };
  }

  // Write over what `check` lets pass, and over nothing that came after it.
  async write(method, path, body, check) {
    for (let tries = 1; ; tries += 1) {
      const { value, etag } = await this.read(path);
      check(value);
      try {
        const answer = await this.ask(path, { method, body, headers: { "if-match": etag } });
        return await answer.json();
      } catch (error) {
        if (error.status !== 412 || tries === TRIES) {
          throw error;
        }
      }
    }
  }

  // Addresses in answers are the platform's own; this page may be reached by another name.
  own(address) {
    const { pathname, search } = new URL(address, location.href);
    return pathname + search;
  }

  // Server-sent events, also with a key, which EventSource cannot send.
  async listen(path, after, heard, signal) {
    const headers = { accept: "text/event-stream", ...(after ? { "last-event-id": after } : {}) };
    const answer = await this.ask(path, { headers, signal });
    if (answer.status === 204) {
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block.split("\n").map((row) => [row.slice(0, row.indexOf(":")), row.slice(row.indexOf(":") + 1).trim()]),
        );
        if (fields.data) {
          heard(fields.event, JSON.parse(fields.data), fields.id);
        }
      }
    }
  }
}
