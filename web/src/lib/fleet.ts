// Searching and sorting the fleet's rows.
import type { Device } from '../api/schema';
import { folded } from './text';
import { parse } from './time';

export type StateFilter = 'all' | 'present' | 'absent';
export type Column = 'name' | 'state' | 'seen' | 'bytes' | 'traffic' | 'address';
export interface Order {
  column: Column;
  falling: boolean;
}

export interface Wanted {
  search: string;
  state: StateFilter;
  order: Order;
}

export const COLUMNS: readonly Column[] = ['name', 'state', 'seen', 'bytes', 'traffic', 'address'];

const collator = new Intl.Collator(undefined, { numeric: true });

/** The rows that match every word of the search, in order. */
export function select(devices: Iterable<Device>, wanted: Wanted): Device[] {
  const words = folded(wanted.search).split(/\s+/).filter((word) => word !== '');
  const rows: Device[] = [];
  for (const device of devices) {
    if (wanted.state !== 'all' && device.present !== (wanted.state === 'present')) continue;
    if (words.length > 0) {
      const text = folded(`${device.name} ${device.address ?? ''}`);
      if (!words.every((word) => text.includes(word))) continue;
    }
    rows.push(device);
  }
  const compare = COMPARE[wanted.order.column];
  const sign = wanted.order.falling ? -1 : 1;
  return rows.sort((a, b) => sign * compare(a, b) || byName(a, b));
}

/** What the visible state of a device is last seen for: a present one is seen now. */
export function lastSeen(device: Device): number {
  if (device.present) return Number.POSITIVE_INFINITY;
  return parse(device.last_seen) ?? Number.NEGATIVE_INFINITY;
}

export function traffic(device: Device): number {
  return device.traffic ? device.traffic.received + device.traffic.sent : 0;
}

const byNumber = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
const byName = (a: Device, b: Device) => collator.compare(a.name, b.name);

const COMPARE: Record<Column, (a: Device, b: Device) => number> = {
  name: byName,
  state: (a, b) => Number(b.present) - Number(a.present),
  seen: (a, b) => byNumber(lastSeen(b), lastSeen(a)),
  bytes: (a, b) => byNumber(b.bytes, a.bytes),
  traffic: (a, b) => byNumber(traffic(b), traffic(a)),
  address: (a, b) => collator.compare(a.address ?? '\uffff', b.address ?? '\uffff'),
};

export function count(devices: Iterable<Device>): Record<StateFilter, number> {
  let [present, all] = [0, 0];
  for (const device of devices) {
    all += 1;
    if (device.present) present += 1;
  }
  return { all, present, absent: all - present };
}
