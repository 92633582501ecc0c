import { describe, expect, it } from 'vitest';
import type { Points } from '../src/api/schema';
import { cell, csv, extent, join, thinned } from '../src/lib/points';
import { path } from '../src/lib/spark';

const points = (t: number[], mean: number[]): Points => ({ t, mean, min: mean.map((v) => v - 1), max: mean.map((v) => v + 1), count: t.map(() => 2) });

describe('points of a plot', () => {
  it('share an axis, and have a hole where only the other has a point', () => {
    const [axis, mean, min, max, other] = join([points([1, 3], [10, 30]), points([2, 3], [5, 6])]);
    expect(axis).toEqual([1, 2, 3]);
    expect(mean).toEqual([10, undefined, 30]);
    expect(min).toEqual([9, undefined, 29]);
    expect(max).toEqual([11, undefined, 31]);
    expect(other).toEqual([undefined, 5, 6]);
  });
  it('are drawn as they are where there is one series, also with two points at one time', () => {
    expect(join([points([1, 1], [2, 3])])[0]).toEqual([1, 1]);
    expect(join([])).toEqual([[]]);
  });
  it('know their extremes', () => {
    expect(extent(points([1, 2], [4, 9]))).toEqual({ low: 3, high: 10, count: 4 });
    expect(extent(points([], []))).toBeNull();
  });
  it('lose no extreme and no count in the table', () => {
    const many = points(Array.from({ length: 1000 }, (_, i) => i), Array.from({ length: 1000 }, (_, i) => (i === 517 ? 99 : i % 7)));
    const few = thinned(many, 24);
    expect(few.t).toHaveLength(24);
    expect(Math.max(...few.max)).toBe(100);
    expect(few.count.reduce((a, b) => a + b)).toBe(2000);
  });
  it('are saved so that a spreadsheet runs nothing', () => {
    expect(csv([{ name: '=cmd|x', points: points([0], [1]) }], true)).toBe("series,time,mean,minimum,maximum,count\r\n'=cmd|x,1970-01-01T00:00:00.000Z,1,0,2,2\r\n");
    expect(cell('a,"b"\n')).toBe('"a,""b""\n"');
  });
});

describe('a sparkline', () => {
  it('stays in its box, also where all values are the same', () => {
    expect(path([5, 5], 10, 20)).toBe('M0 10L10 10');
    expect(path([0, 1, Number.NaN], 10, 20)).toBe('M0 19L10 1');
    expect(path([1], 10, 20)).toBe('');
  });
});
