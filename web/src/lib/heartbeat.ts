// The strip of the last 24 hours: one slot for each half hour.

export type Beat = 'up' | 'part' | 'down' | 'unknown';
export const SLOTS = 48;
const SLOT = 1_800_000;

const BEATS: Record<string, Beat> = { '2': 'up', '1': 'part', '0': 'down', '-': 'unknown' };

/** The slots of a device, oldest first; all unknown where the hub keeps none. */
export function beats(text: string | null | undefined): Beat[] {
  const known = [...(text ?? '')].slice(-SLOTS).map((sign) => BEATS[sign] ?? 'unknown');
  return [...Array<Beat>(SLOTS - known.length).fill('unknown'), ...known];
}

export interface Run {
  beat: Beat;
  from: number;
  length: number;
}

/** Slots of the same kind beside each other, as one. */
export function runs(slots: Beat[]): Run[] {
  const found: Run[] = [];
  slots.forEach((beat, from) => {
    const last = found.at(-1);
    if (last && last.beat === beat) last.length += 1;
    else found.push({ beat, from, length: 1 });
  });
  return found;
}

/** The strip in words, for who cannot see it. */
export function inWords(slots: Beat[]): string {
  const known = slots.filter((beat) => beat !== 'unknown');
  if (known.length === 0) return 'no record of the last 24 hours';
  const up = known.filter((beat) => beat === 'up').length + known.filter((beat) => beat === 'part').length / 2;
  const share = Math.floor((up / known.length) * 100);
  const gaps = runs(slots).filter((run) => run.beat === 'down').length;
  const told = gaps === 0 ? 'no absence' : gaps === 1 ? 'one absence' : `${gaps} absences`;
  return `present ${share} % of the last ${Math.ceil(known.length / 2)} h, ${told}`;
}

/** The strip with the state that just changed in its newest slot. */
export function touched(text: string | null | undefined): string | null {
  if (!text) return null;
  const last = text.at(-1);
  return last === '2' || last === '0' ? `${text.slice(0, -1)}1` : last === '-' ? `${text.slice(0, -1)}1` : text;
}

/** Moves the strip on by the slots that have passed since it was made. */
export function shifted(text: string, made: number, now: number, present: boolean): string {
  const passed = Math.min(SLOTS, Math.max(0, Math.floor(now / SLOT) - Math.floor(made / SLOT)));
  if (passed === 0) return text;
  return (text + (present ? '2' : '0').repeat(passed)).slice(-SLOTS);
}
