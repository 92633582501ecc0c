// The range of a plot as its address writes it: `now-1h..now`, `1690000000000..1690000060000`, `all`.

export interface Range {
  from: number | null;
  to: number | null;
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const PRESETS = [
  { text: 'now-15m', label: '15 min' },
  { text: 'now-1h', label: '1 h' },
  { text: 'now-6h', label: '6 h' },
  { text: 'now-24h', label: '24 h' },
  { text: 'now-7d', label: '7 d' },
  { text: 'now-30d', label: '30 d' },
  { text: 'now-365d', label: '1 year' },
  { text: 'all', label: 'All' },
] as const;

export const DEFAULT = 'now-24h';

/** The length of a range that ends now; null for any other. */
export function length(text: string): number | null {
  const match = /^now-(\d{1,6})([smhd])$/.exec(text);
  if (!match) return null;
  const size = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0);
  return size > 0 ? size : null;
}

/** A range that moves with the clock. */
export function isLive(text: string): boolean {
  return length(text) !== null;
}

/** The bounds of a range; null where it is open. Nonsense means all. */
export function resolve(text: string, now: number): Range {
  const size = length(text);
  if (size !== null) return { from: now - size, to: now };
  const match = /^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$/.exec(text);
  if (match) {
    const from = Number(match[1]);
    const to = Number(match[2]);
    if (from < to) return { from, to };
  }
  return { from: null, to: null };
}

/** The text of fixed bounds. */
export function fixed(from: number, to: number): string {
  return `${Math.floor(from)}..${Math.ceil(to)}`;
}
