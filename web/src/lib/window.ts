// The rows of a long list that are worth drawing.

export interface Visible {
  first: number;
  /** Behind the last row. */
  end: number;
  /** Where the first row begins. */
  offset: number;
  /** The height of the whole list. */
  height: number;
}

/** Rows drawn above and below what is seen. */
const MARGIN = 8;

/** `top` is how far the list's own beginning is above the viewport's upper edge (negative: below). */
export function visible(count: number, row: number, top: number, viewport: number): Visible {
  const height = count * row;
  if (count === 0 || row <= 0) return { first: 0, end: 0, offset: 0, height: 0 };
  const start = Math.floor(top / row) - MARGIN;
  const stop = Math.ceil((top + Math.max(0, viewport)) / row) + MARGIN;
  const first = Math.min(Math.max(0, start), count);
  const end = Math.min(Math.max(first, stop), count);
  return { first, end, offset: first * row, height };
}

/** The scroll position that shows this row, or null where it is seen already. */
export function reveal(index: number, row: number, top: number, viewport: number): number | null {
  const begin = index * row;
  if (begin < top) return begin;
  if (begin + row > top + viewport) return begin + row - viewport;
  return null;
}
