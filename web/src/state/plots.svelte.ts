// The data of the plots in one view: points and exact summary of each series in one range.
import { get, message } from '../api/client';
import type { Points, Summary } from '../api/schema';
import { resolve, type Range } from '../lib/range';
import { seriesText, type Series } from '../lib/route';
import { parse } from '../lib/time';
import { clock } from './clock.svelte';

export interface Plotted {
  points: Points | null;
  /** Of the range; exact. */
  summary: Summary | null;
  failure: string | null;
  timed: boolean;
  range: Range;
}

interface Wanted {
  list: readonly Series[];
  range: string;
  width: number;
  /** The data files may have grown. */
  fresh: boolean;
}

const FILE = '/api/v1/devices/{device}/data/{file}';

export class Plots {
  version = $state(0);
  private readonly known = new Map<string, Plotted>();
  private readonly wholes = new Map<string, Summary>();
  private aborter = new AbortController();
  /** Whether an answer is waited for. */
  private busy = false;
  /** What to ask for after it. */
  private due: Wanted | null = null;

  of(series: Series): Plotted | undefined {
    void this.version;
    return this.known.get(seriesText(series));
  }

  /** Asks for all series; what an earlier call still waits for is dropped. */
  async load(list: readonly Series[], range: string, width: number, fresh: boolean): Promise<void> {
    this.aborter.abort();
    const { signal } = (this.aborter = new AbortController());
    if (fresh || this.due?.fresh) this.wholes.clear();
    this.due = null;
    this.busy = true;
    await Promise.all(list.map((series) => this.loadOne(series, range, width, signal)));
    if (signal.aborted) return;
    this.busy = false;
    const due = this.due as Wanted | null;
    if (due) void this.load(due.list, due.range, due.width, due.fresh);
  }

  /** Asks for what is new. What is waited for comes first, so that a slow link shows something. */
  async follow(list: readonly Series[], range: string, width: number, fresh: boolean): Promise<void> {
    if (!this.busy) return this.load(list, range, width, fresh);
    this.due = { list, range, width, fresh: fresh || (this.due?.fresh ?? false) };
  }

  stop(): void {
    this.aborter.abort();
    this.busy = false;
    this.due = null;
  }

  private async loadOne(series: Series, range: string, width: number, signal: AbortSignal): Promise<void> {
    const key = seriesText(series);
    const parameters = { device: series.device, file: series.file };
    try {
      const whole = this.wholes.get(key) ?? (await get<Summary>(`${FILE}/summary`, parameters, {}, signal));
      this.wholes.set(key, whole);
      const timed = whole.first !== null || whole.count === 0;
      const bounds = within(whole, timed, resolve(range, clock.exact()), range);
      const query = wanted(bounds, whole, timed);
      const [points, summary] = await Promise.all([
        get<Points>(`${FILE}/points`, parameters, { ...query, width }, signal),
        get<Summary>(`${FILE}/summary`, parameters, query, signal),
      ]);
      if (signal.aborted) return;
      this.known.set(key, { points, summary, failure: null, timed, range: bounds });
    } catch (error) {
      if (signal.aborted) return;
      const old = this.known.get(key);
      const nothing = { points: null, summary: null, timed: true, range: { from: null, to: null } };
      this.known.set(key, { ...(old ?? nothing), failure: message(error) });
    }
    this.version++;
  }
}

/** The bounds to ask for. Their end is not part of a stretch, so all of a data file has none. */
function wanted(bounds: Range, whole: Summary, timed: boolean): { from: number | null; to: number | null } {
  const [first, last] = timed ? [parse(whole.first), parse(whole.last)] : [0, whole.count - 1];
  const { from, to } = bounds;
  const all = from === null || to === null || (first !== null && last !== null && from <= first && to >= last);
  return all ? { from: null, to: null } : { from: Math.floor(from), to: Math.ceil(to) };
}

/** The bounds to draw. A range of times says nothing to samples that have none. */
function within(whole: Summary, timed: boolean, wanted: Range, text: string): Range {
  const isTime = text.startsWith('now') || (wanted.from !== null && Math.abs(wanted.from) > 1e11);
  if (!timed) return isTime || wanted.from === null ? { from: 0, to: Math.max(1, whole.count - 1) } : wanted;
  if (wanted.from !== null && isTime) return wanted;
  const [first, last] = [parse(whole.first), parse(whole.last)];
  if (first === null || last === null) return { from: null, to: null };
  return { from: first, to: last === first ? first + 1000 : last };
}

/** One range around all of them, so that plots beside each other have the same axis. */
export function around(ranges: readonly Range[]): Range {
  const from = ranges.map((range) => range.from).filter((value) => value !== null);
  const to = ranges.map((range) => range.to).filter((value) => value !== null);
  return from.length === 0 || to.length === 0
    ? { from: null, to: null }
    : { from: Math.min(...from), to: Math.max(...to) };
}
