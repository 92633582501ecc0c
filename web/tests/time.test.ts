import { describe, expect, it } from 'vitest';
import { brief, full, local, longSpan, parse, relative, span } from '../src/lib/time';

const NOW = Date.UTC(2026, 10, 27, 17, 5, 47);

describe('times', () => {
  it('are read as RFC 3339 or not at all', () => {
    expect(parse('2026-11-27T17:05:47.120Z')).toBe(NOW + 120);
    expect(parse('soon')).toBeNull();
    expect(parse(null)).toBeNull();
  });
  it('are told relative to now', () => {
    const ago = (distance: number) => relative(NOW - distance, NOW);
    expect([0, 1900, 12_000, 61_000, 3_600_000 * 47, 86_400_000 * 9].map(ago)).toEqual(['now', 'now', '12 s ago', '1 min ago', '47 h ago', '9 d ago']);
    expect(ago(-300_000)).toBe('in 5 min');
  });
  it('are spans in one or two units', () => {
    expect(span(59_999)).toBe('59 s');
    expect([61_000, 3_600_000, 90_000_000].map(longSpan)).toEqual(['1 min 1 s', '1 h', '1 d 1 h']);
  });
  it('are local, with the zone and UTC in the tooltip', () => {
    const text = full(NOW);
    expect(text.startsWith(local(NOW))).toBe(true);
    expect(text).toMatch(/UTC[+−]\d\d:\d\d/);
    expect(text).toContain('2026-11-27T17:05:47Z');
  });
  it('leave out the date of today', () => {
    expect(brief(NOW, NOW + 1000)).toMatch(/^\d\d:\d\d:47$/);
    expect(brief(NOW - 86_400_000 * 2, NOW)).toMatch(/^2026-11-25 \d\d:\d\d$/);
  });
});
