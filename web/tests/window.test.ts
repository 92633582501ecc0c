import { describe, expect, it } from 'vitest';
import { reveal, visible } from '../src/lib/window';

describe('the window of a long list', () => {
  it('draws a few rows of thousands, wherever it is scrolled', () => {
    for (const top of [-300, 0, 1, 55, 56, 10_000, 279_000, 400_000]) {
      const seen = visible(5000, 56, top, 900);
      expect(seen.end - seen.first).toBeLessThanOrEqual(Math.ceil(900 / 56) + 18);
      expect(seen.offset).toBe(seen.first * 56);
      expect(seen.height).toBe(280_000);
    }
  });
  it('covers every pixel that is seen', () => {
    for (let top = 0; top < 280_000 - 900; top += 997) {
      const seen = visible(5000, 56, top, 900);
      expect(seen.first * 56).toBeLessThanOrEqual(top);
      expect(seen.end * 56).toBeGreaterThanOrEqual(top + 900);
    }
  });
  it('is empty without rows, and whole where all fit', () => {
    expect(visible(0, 56, 0, 900)).toEqual({ first: 0, end: 0, offset: 0, height: 0 });
    expect(visible(3, 56, 0, 900)).toMatchObject({ first: 0, end: 3 });
  });
  it('scrolls no further than a row needs', () => {
    expect(reveal(2, 50, 0, 500)).toBeNull();
    expect(reveal(0, 50, 120, 500)).toBe(0);
    expect(reveal(20, 50, 0, 500)).toBe(550);
  });
});
