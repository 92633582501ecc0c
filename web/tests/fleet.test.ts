import { describe, expect, it } from 'vitest';
import type { Device } from '../src/api/schema';
import { count, select, type Wanted } from '../src/lib/fleet';
import { beats, inWords, shifted, touched } from '../src/lib/heartbeat';

function device(name: string, more: Partial<Device> = {}): Device {
  return { name, present: true, address: null, joined: null, first_seen: null, last_seen: null, key: null, sessions: 1, data_files: 0, bytes: 0, heartbeat: null, latest: null, traffic: { received: 0, sent: 0 }, ...more };
}
const WANTED: Wanted = { search: '', state: 'all', order: { column: 'name', falling: false } };
const FLEET = [
  device('cam-10', { bytes: 5, address: '192.0.2.9:1' }),
  device('cam-2', { present: false, last_seen: '2026-01-02T00:00:00Z' }),
  device('Ünit', { present: false, last_seen: '2026-01-03T00:00:00Z', bytes: 9 }),
];
const names = (wanted: Partial<Wanted>) => select(FLEET, { ...WANTED, ...wanted }).map(({ name }) => name);

describe('the rows of the fleet', () => {
  it('are in the order of people, numbers by size', () => {
    expect(names({})).toEqual(['cam-2', 'cam-10', 'Ünit']);
    expect(names({ order: { column: 'name', falling: true } })).toEqual(['Ünit', 'cam-10', 'cam-2']);
  });
  it('are sorted by what was seen last, present ones first', () => {
    expect(names({ order: { column: 'seen', falling: false } })).toEqual(['cam-10', 'Ünit', 'cam-2']);
    expect(names({ order: { column: 'bytes', falling: false } })).toEqual(['Ünit', 'cam-10', 'cam-2']);
  });
  it('match every word of a search, in the name or the address', () => {
    expect(names({ search: 'CAM 192.0' })).toEqual(['cam-10']);
    expect(names({ search: 'unit' })).toEqual(['Ünit']);
    expect(names({ search: 'cam', state: 'absent' })).toEqual(['cam-2']);
  });
  it('are counted by state', () => {
    expect(count(FLEET)).toEqual({ all: 3, present: 1, absent: 2 });
  });
});

describe('the heartbeat', () => {
  it('always has 48 slots', () => {
    for (const text of [null, '', '2', '2'.repeat(48), '2'.repeat(99), 'x'.repeat(48)]) expect(beats(text)).toHaveLength(48);
    expect(beats('012').slice(-3)).toEqual(['down', 'part', 'up']);
  });
  it('is told in words', () => {
    expect(inWords(beats(null))).toBe('no record of the last 24 hours');
    expect(inWords(beats('2'.repeat(46) + '00'))).toBe('present 95 % of the last 24 h, one absence');
  });
  it('shows a change at once, and moves on with the time', () => {
    expect(touched('22')).toBe('21');
    expect(touched(null)).toBeNull();
    expect(shifted('2'.repeat(48), 0, 3_600_000, false)).toBe('2'.repeat(46) + '00');
    expect(shifted('2'.repeat(48), 0, 60_000, false)).toBe('2'.repeat(48));
  });
});
