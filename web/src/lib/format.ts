// Numbers for people.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units, three digits. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–';
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A whole number with thin spaces between thousands. */
export function whole(count: number | null | undefined): string {
  if (count === null || count === undefined) return '–';
  return grouped(String(Math.trunc(count)));
}

/** An exact decimal with thin spaces between thousands; no digit is lost. */
export function exact(text: string | null | undefined): string {
  if (text === null || text === undefined || text === '') return '–';
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  if (!match) return text;
  return `${match[1] ? '−' : ''}${grouped(match[2] ?? '')}${match[3] ?? ''}`;
}

const grouped = (digits: string) =>
  digits.replace(/^-/, '−').replace(/(\d)(?=(\d{3})+$)/g, '$1\u2009');

/** A float of a plot, short. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e12 || size < 1e-4)) return value.toExponential(3).replace('-', '−');
  const text = String(Number(value.toPrecision(7)));
  return exact(text);
}

/** The part of the whole in percent, rounded down: 100 only when all of it is there. */
export function percent(done: number, whole: number | null): number | null {
  if (whole === null) return null;
  if (whole <= 0) return 100;
  return Math.min(100, Math.floor((done / whole) * 100));
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
