// Points of the hub, made ready for a plot, a table and a CSV file.
import type { Points } from '../api/schema';

/** Columns of one plot: the axis, then mean, minimum and maximum of each series. */
export type Columns = (number | null | undefined)[][];

/** Puts several series on one axis. A series has `undefined` where only others have a point. */
export function join(series: readonly Points[]): Columns {
  const axis = merged(series.map((points) => points.t));
  const columns: Columns = [axis];
  for (const points of series) {
    const at = new Map(points.t.map((time, index) => [time, index] as const));
    for (const values of [points.mean, points.min, points.max]) {
      columns.push(axis.map((time) => {
        const index = at.get(time);
        return index === undefined ? undefined : (values[index] ?? null);
      }));
    }
  }
  return columns;
}

function merged(axes: readonly number[][]): number[] {
  if (axes.length === 1) return axes[0] ?? [];
  return [...new Set(axes.flat())].sort((a, b) => a - b);
}

/** Whether something is drawn. */
export function isEmpty(series: readonly Points[]): boolean {
  return series.every((points) => points.t.length === 0);
}

/** The lowest and highest value that is drawn; null where nothing is. */
export function extent(points: Points): { low: number; high: number; count: number } | null {
  if (points.t.length === 0) return null;
  let [low, high, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  points.t.forEach((_, index) => {
    low = Math.min(low, points.min[index] ?? low);
    high = Math.max(high, points.max[index] ?? high);
    count += points.count[index] ?? 0;
  });
  return { low, high, count };
}

/** At most so many rows for a table: each joins neighbours, and loses no extreme. */
export function thinned(points: Points, most: number): Points {
  const size = points.t.length;
  if (size <= most) return points;
  const result: Points = { t: [], min: [], max: [], mean: [], count: [] };
  for (let row = 0; row < most; row += 1) {
    const from = Math.floor((row * size) / most);
    const to = Math.floor(((row + 1) * size) / most);
    const counts = points.count.slice(from, to);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const weighted = counts.reduce((sum, count, index) => sum + count * (points.mean[from + index] ?? 0), 0);
    result.t.push(points.t[from] ?? 0);
    result.min.push(Math.min(...points.min.slice(from, to)));
    result.max.push(Math.max(...points.max.slice(from, to)));
    result.mean.push(total === 0 ? 0 : weighted / total);
    result.count.push(total);
  }
  return result;
}

/** The points as CSV; a name that a spreadsheet could take for a formula is marked as text. */
export function csv(series: readonly { name: string; points: Points }[], timed: boolean): string {
  const lines = [`series,${timed ? 'time' : 'index'},mean,minimum,maximum,count`];
  for (const { name, points } of series) {
    points.t.forEach((t, index) => {
      const at = timed ? new Date(t).toISOString() : String(t);
      const values = [points.mean[index], points.min[index], points.max[index], points.count[index]];
      lines.push([cell(name), at, ...values.map(String)].join(','));
    });
  }
  return lines.join('\r\n') + '\r\n';
}

/** A cell of a CSV file. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
