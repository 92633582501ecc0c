// Times for people: local, relative, with the zone where there is room.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds of an RFC 3339 text; null where there is none or it is not a time. */
export function parse(text: string | null | undefined): number | null {
  if (!text) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

/** `12 s ago`, `3 h ago`, `in 5 min`. */
export function relative(time: number, now: number): string {
  const distance = now - time;
  const size = Math.abs(distance);
  if (size < 2 * SECOND) return 'now';
  const text = span(size);
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

/** A duration in its largest unit. */
export function span(length: number): string {
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < 2 * DAY) return `${Math.floor(length / HOUR)} h`;
  return `${Math.floor(length / DAY)} d`;
}

/** A duration in two units: `3 d 4 h`. */
export function longSpan(length: number): string {
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return two(length, MINUTE, 'min', SECOND, 's');
  if (length < DAY) return two(length, HOUR, 'h', MINUTE, 'min');
  return two(length, DAY, 'd', HOUR, 'h');
}

function two(length: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((length % large) / small);
  const first = `${Math.floor(length / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}

const pad = (number: number, width = 2) => String(number).padStart(width, '0');

/** Local date and time to the second: `2026-11-27 17:05:47`. */
export function local(time: number): string {
  const at = new Date(time);
  return `${day(at)} ${clock(at)}`;
}

function day(at: Date): string {
  return `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

function clock(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Local time with its zone and the same moment in UTC: for a tooltip. */
export function full(time: number): string {
  const utc = new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
  return `${local(time)} ${zone(time)} (${utc})`;
}

/** The local zone's offset at this time: `UTC+02:00`, and its name. */
export function zone(time: number): string {
  const minutes = -new Date(time).getTimezoneOffset();
  const sign = minutes < 0 ? '−' : '+';
  const size = Math.abs(minutes);
  const offset = `UTC${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name && name !== 'UTC' ? `${offset} ${name}` : offset;
}

/** Local time as short as the day allows: the clock today, else the date too. */
export function brief(time: number, now: number): string {
  const at = new Date(time);
  const today = new Date(now);
  return at.toDateString() === today.toDateString() ? clock(at) : local(time).slice(0, 16);
}
