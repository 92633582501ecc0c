// An invented fleet: the same for the same size.
import { createHash } from 'node:crypto';

const KINDS = ['porch-camera', 'greenhouse', 'uav', 'weather-mast', 'pump', 'lab-room', 'gate', 'beehive', 'boiler', 'river-gauge'];
const FILES = ['temperature', 'humidity', 'battery', 'lab/room-1/co2'];

/** Names and texts that a page must show as text, and nothing else. */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>window.hacked=1</script>',
  'abc\u202egpj.exe',
  '\u001b[31mred\u001b]8;;http://x\u0007',
  'x\u0000y\u2028z',
  "'; DROP TABLE devices; --",
  '../../etc/passwd',
  '{{7*7}}${7*7}{@html "x"}',
  'a'.repeat(200),
  'ünïcödé-温度-🛰️',
];

/** A generator of numbers from 0 to 1, from a seed. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const time = (ms) => new Date(ms).toISOString();
const fingerprint = (text) => createHash('sha256').update(text).digest('hex');

export function makeDevice(name, index, now, present) {
  const roll = random(index * 7919 + 13);
  const files = new Map();
  const count = index % 9 === 8 ? 0 : 1 + (index % 4);
  for (let file = 0; file < count; file += 1) files.set(FILES[file], makeFile(index * 4 + file + 1, now, file === 1 && index % 5 === 0));
  const up = 0.75 + roll() * 0.25;
  let heartbeat = '';
  for (let slot = 0; slot < 48; slot += 1) heartbeat += index % 11 === 10 && slot < 30 ? '-' : roll() < up ? '2' : roll() < 0.5 ? '1' : '0';
  heartbeat = heartbeat.slice(0, 46) + (present ? '22' : '00');
  const joined = present ? now - Math.floor(roll() * 5e7) - 1000 : null;
  return {
    name,
    present,
    address: `192.0.2.${1 + (index % 250)}:${40000 + (index % 20000)}`,
    joined,
    first_seen: now - 8e9 - Math.floor(roll() * 1e9),
    last_seen: present ? now : now - Math.floor(roll() * 4e8),
    key: index % 4 === 3 ? null : { fingerprint: `sha256:${fingerprint(name)}`, since: time(now - 7e9) },
    heartbeat,
    traffic: { received: Math.floor(roll() * 4e9), sent: Math.floor(roll() * 5e8) },
    files,
  };
}

/** A data file is a formula: any range of it is computed when it is asked for. */
export function makeFile(seed, now, indexed) {
  const samples = indexed ? 5000 : 20_000;
  const step = indexed ? 1 : 30_000;
  return { seed, samples, step, indexed, start: indexed ? 0 : now - samples * step, version: 1, changed: now - seed * 1000, tail: [] };
}

export function valueAt(file, index) {
  const extra = index - file.samples;
  if (extra >= 0) return file.tail[extra].value;
  const wave = Math.sin((index + file.seed * 97) / 400) * 6 + Math.sin((index + file.seed) / 37) * 1.5;
  // Mixed so well that neighbours have nothing in common.
  let mixed = Math.imul(index + 1, 2654435761) ^ (file.seed * 40503);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 2246822519);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 3266489917);
  const noise = (((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32) * 4;
  return Math.round((20 + (file.seed % 7) + wave + noise) * 100) / 100;
}

export const timeAt = (file, index) => (index >= file.samples ? file.tail[index - file.samples].t : file.start + index * file.step);
export const sizeOf = (file) => file.samples + file.tail.length;

/** The indices of a range, from the first to behind the last. The end of a range is not part of it. */
function bounds(file, from, to) {
  const find = (limit) => {
    let [low, high] = [0, sizeOf(file)];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = file.indexed ? middle : timeAt(file, middle);
      if (at < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [from === null ? 0 : find(from), to === null ? sizeOf(file) : find(to)];
}

export function points(file, from, to, width) {
  const [first, end] = bounds(file, from, to);
  const result = { t: [], min: [], max: [], mean: [], count: [] };
  const columns = Math.min(width, end - first);
  for (let column = 0; column < columns; column += 1) {
    const begin = first + Math.floor((column * (end - first)) / columns);
    const stop = first + Math.floor(((column + 1) * (end - first)) / columns);
    let [min, max, sum] = [Infinity, -Infinity, 0];
    for (let index = begin; index < stop; index += 1) {
      const value = valueAt(file, index);
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
    }
    result.t.push(file.indexed ? begin : timeAt(file, begin));
    result.min.push(min);
    result.max.push(max);
    result.mean.push(sum / (stop - begin));
    result.count.push(stop - begin);
  }
  return result;
}

export function summary(file, from = null, to = null) {
  const [first, end] = bounds(file, from, to);
  if (end <= first) return { count: 0, sum: null, mean: null, min: null, max: null, first: null, last: null };
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (let index = first; index < end; index += 1) {
    const hundredths = Math.round(valueAt(file, index) * 100);
    min = Math.min(min, hundredths);
    max = Math.max(max, hundredths);
    sum += hundredths;
  }
  const text = (hundredths) => String(hundredths / 100);
  return {
    count: end - first, sum: text(sum), mean: String(Math.round((sum / (end - first)) * 1e5) / 1e7), min: text(min), max: text(max),
    first: file.indexed ? null : time(timeAt(file, first)), last: file.indexed ? null : time(timeAt(file, end - 1)),
  };
}

export function names(count, hostile) {
  const list = Array.from({ length: count }, (_, index) => `${KINDS[index % KINDS.length]}-${String(Math.floor(index / KINDS.length) + 1).padStart(count > 999 ? 3 : 2, '0')}`);
  return hostile ? [...list.slice(0, Math.max(0, count - HOSTILE.length)), ...HOSTILE] : list;
}
