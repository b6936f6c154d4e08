// Drafts: what lines are to say, kept in this tab until it is published, and undone one by one.
//
// A draft is {text, base, source}: its text (null goes back to the translation), and what the line
// said, and what was said in the film, when somebody began to write it.

export class Drafts {
  constructor(name) {
    this.name = name;
    this.byNumber = new Map(Object.entries(this.load()).map(([number, draft]) => [Number(number), draft]));
    this.done = [];
    this.undone = [];
  }

  load() {
    try {
      return JSON.parse(sessionStorage.getItem(this.name)) ?? {};
    } catch {
      return {};
    }
  }

  store() {
    sessionStorage.setItem(this.name, JSON.stringify(Object.fromEntries(this.byNumber)));
  }

  get size() {
    return this.byNumber.size;
  }

  get(number) {
    return this.byNumber.get(number);
  }

  // What a line says with its draft.
  textOf(line) {
    const draft = this.byNumber.get(line.number);
    return draft === undefined ? line.text : draft.text ?? line.translation;
  }

  // Change several lines as one step that can be undone; `texts` has pairs of a line and its text.
  change(texts) {
    const step = texts
      .map(([line, text]) => ({ line, before: this.wanted(line), after: text }))
      .filter(({ line, before, after }) => before !== after && !(after === null && !line.edited && before === line.text));
    for (const { line, after } of step) {
      this.put(line, after);
    }
    if (step.length) {
      this.done.push(step.map(({ line, before, after }) => ({ number: line.number, before, after })));
      this.undone = [];
    }
    this.store();
    return step.length;
  }

  wanted(line) {
    const draft = this.byNumber.get(line.number);
    return draft === undefined ? line.text : draft.text;
  }

  put(line, text) {
    const before = this.byNumber.get(line.number);
    if (text === line.text || (text === null && !line.edited)) {
      this.byNumber.delete(line.number);
    } else {
      this.byNumber.set(line.number, {
        text,
        base: before?.base ?? line.text,
        source: before?.source ?? line.source,
      });
    }
  }

  drop(numbers) {
    for (const number of numbers) {
      this.byNumber.delete(number);
    }
    this.store();
  }

  // Somebody has seen what a line says by now, and wants to write over it.
  rebase(line) {
    const draft = this.byNumber.get(line.number);
    if (draft) {
      this.byNumber.set(line.number, { text: draft.text, base: line.text, source: line.source });
      this.store();
    }
  }

  undo(lineOf) {
    return this.step(this.done, this.undone, "before", lineOf);
  }

  redo(lineOf) {
    return this.step(this.undone, this.done, "after", lineOf);
  }

  step(from, to, which, lineOf) {
    const step = from.pop();
    if (step === undefined) {
      return [];
    }
    for (const change of step) {
      const line = lineOf(change.number);
      if (line) {
        this.put(line, change[which]);
      }
    }
    to.push(step);
    this.store();
    return step.map((change) => change.number);
  }
}
