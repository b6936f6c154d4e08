// A list of which only what is seen is in the page: 3,000 lines are 60 rows at most.
//
// Rows have any height: it is guessed until it is measured, and what is seen stays where it is when
// something above it turns out to be higher.

const MOST = 60;
const AROUND = 8;
const TRIES = 3;

export class VirtualList {
  constructor(scroller, list, { draw, guess }) {
    Object.assign(this, { scroller, list, draw, guess });
    this.rows = new Map();
    this.heights = [];
    this.tops = [0];
    this.pinned = 0;
    this.due = false;
    this.sizes = new ResizeObserver((entries) => this.measure(entries));
    scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => this.schedule()).observe(scroller);
  }

  setCount(count) {
    this.heights = Array.from({ length: count }, (_, index) => this.heights[index] ?? this.guess());
    for (const [index, row] of this.rows) {
      this.remove(index, row);
    }
    this.place();
    this.show();
  }

  place() {
    let top = 0;
    this.tops = this.heights.map((height) => {
      const here = top;
      top += height;
      return here;
    });
    this.list.style.height = `${top}px`;
    for (const [index, row] of this.rows) {
      row.style.transform = `translateY(${this.tops[index]}px)`;
    }
  }

  indexAt(position) {
    let [low, high] = [0, this.tops.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= position) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  schedule() {
    if (!this.due) {
      this.due = true;
      requestAnimationFrame(() => {
        this.due = false;
        this.show();
      });
    }
  }

  show() {
    const count = this.heights.length;
    if (!count) {
      return;
    }
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, this.indexAt(scrollTop) - AROUND);
    const last = Math.min(count - 1, this.indexAt(scrollTop + clientHeight) + AROUND, first + MOST - 2);
    const wanted = new Set([this.pinned]);
    for (let index = first; index <= last; index += 1) {
      wanted.add(index);
    }
    for (const [index, row] of this.rows) {
      if (!wanted.has(index)) {
        this.remove(index, row);
      }
    }
    for (const index of [...wanted].sort((one, other) => one - other)) {
      if (index < count && !this.rows.has(index)) {
        this.add(index, this.draw(index));
      }
    }
  }

  add(index, row) {
    row.style.transform = `translateY(${this.tops[index]}px)`;
    row.dataset.index = index;
    // In the order of the lines, for whoever reads the page by ear.
    const after = [...this.list.children].find((other) => Number(other.dataset.index) > index);
    this.list.insertBefore(row, after ?? null);
    this.rows.set(index, row);
    this.sizes.observe(row);
  }

  remove(index, row) {
    this.sizes.unobserve(row);
    row.remove();
    this.rows.delete(index);
  }

  measure(entries) {
    let moved = 0;
    for (const { target, borderBoxSize } of entries) {
      const index = Number(target.dataset.index);
      const height = borderBoxSize[0].blockSize;
      if (height && this.rows.get(index) === target && height !== this.heights[index]) {
        if (this.tops[index] + this.heights[index] <= this.scroller.scrollTop) {
          moved += height - this.heights[index];
        }
        this.heights[index] = height;
      }
    }
    this.place();
    if (moved) {
      this.scroller.scrollTop += moved;
    }
    this.schedule();
  }

  // Draw a row anew where it is in the page, and keep the focus that is in it.
  redraw(index) {
    const row = this.rows.get(index);
    if (row) {
      const had = row.contains(document.activeElement);
      const fresh = this.draw(index);
      fresh.dataset.index = index;
      fresh.style.transform = row.style.transform;
      this.sizes.unobserve(row);
      row.replaceWith(fresh);
      this.rows.set(index, fresh);
      this.sizes.observe(fresh);
      if (had) {
        fresh.focus({ preventScroll: true });
      }
    }
  }

  reveal(index) {
    this.pinned = index;
    // What comes into the page is measured at once: its guessed heights would move the row away.
    for (let tries = 0; tries < TRIES; tries += 1) {
      this.show();
      for (const [each, row] of this.rows) {
        this.heights[each] = row.getBoundingClientRect().height || this.heights[each];
      }
      this.place();
      this.scrollTo(index);
    }
    this.show();
    return this.rows.get(index);
  }

  scrollTo(index) {
    const [top, bottom] = [this.tops[index], this.tops[index] + this.heights[index]];
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) {
      this.scroller.scrollTop = top;
    } else if (bottom > scrollTop + clientHeight) {
      this.scroller.scrollTop = bottom - clientHeight;
    }
  }
}
