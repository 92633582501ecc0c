// What the hub says of itself, for its view.

export interface Limit {
  name: string;
  value: string;
  /** How often it was reached; 0 where that is not told. */
  reached: number;
}

/** The limits as lines. A limit is a plain value, or `{"limit", "reached"}`. */
export function entries(limits: Record<string, unknown>): Limit[] {
  return Object.entries(limits).map(([name, told]) => {
    const inner = typeof told === 'object' && told !== null ? (told as Record<string, unknown>) : null;
    const value = inner ? (inner['limit'] ?? inner['value'] ?? null) : told;
    const reached = Number(inner?.['reached'] ?? 0);
    return { name: name.replaceAll('_', ' '), value: inWords(value), reached: Number.isFinite(reached) ? reached : 0 };
  });
}

function inWords(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'number') return value.toLocaleString('en').replaceAll(',', '\u2009');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** How full the disk is with the store's own bytes, and whether room gets short. */
export function room(used: number, free: number | null): { used: number; short: boolean } | null {
  if (free === null || used + free <= 0) return null;
  return { used: used / (used + free), short: free < Math.max(500e6, used * 0.05) };
}
