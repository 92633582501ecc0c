// The transfers, moved on by their events.
import type { LiveEvent } from '../api/events';
import type { Transfer } from '../api/schema';
import { List } from './list.svelte';
import { live } from './live.svelte';

export class Transfers {
  readonly list = new List<Transfer>('/api/v1/transfers');

  start(): () => void {
    void this.list.load();
    return live.subscribe({ event: (event) => this.apply(event), reload: () => void this.list.load() });
  }

  private apply(event: LiveEvent): void {
    if (event.type !== 'transfer') return;
    const told = event.data as Partial<Transfer>;
    const id = told.id;
    if (id === undefined) return void this.list.load();
    const known = this.list.items.find((transfer) => transfer.id === id);
    // An event of a transfer that is new tells less than the list.
    if (!known && (told.from === undefined || told.name === undefined)) return void this.list.load();
    const next = { ...EMPTY, ...known, ...told, id } as Transfer;
    this.list.items = known ? this.list.items.map((one) => (one === known ? next : one)) : [next, ...this.list.items];
  }
}

const EMPTY = { bytes: null, done: 0, state: 'running', path: null, reason: null, started: null, ended: null };
