// The transfers, moved on by their events.
import type { LiveEvent } from '../api/events';
import type { Transfer } from '../api/schema';
import { List } from './list.svelte';
import { live } from './live.svelte';

/** Transfers that are over and stay in the list; the hub remembers as many. */
export const MOST_ENDED = 2000;

class TransferList extends List<Transfer> {
  protected override merged(items: Transfer[], told: ReadonlyMap<string, Transfer>): Transfer[] {
    return merged(items, told);
  }
}

export class Transfers {
  readonly list = new TransferList('/api/v1/transfers');

  start(): () => void {
    void this.list.load();
    return live.subscribe({ event: (event) => this.apply(event), reload: () => void this.list.load() });
  }

  private apply(event: LiveEvent): void {
    if (event.type !== 'transfer') return;
    const told = event.data as unknown as Transfer;
    // Of a transfer that an event tells only in part, the list tells the rest.
    if (told.id === undefined || told.name === undefined) return void this.list.load();
    this.list.told.note(told.id, told);
    this.list.items = merged(this.list.items, new Map([[told.id, told]]));
  }
}

/** The items with what was told of them, the newest first. */
function merged(items: Transfer[], told: ReadonlyMap<string, Transfer>): Transfer[] {
  const listed = new Set(items.map(({ id }) => id));
  const added = [...told.values()].filter(({ id }) => !listed.has(id)).reverse();
  const moved = items.map((item) => further(item, told.get(item.id)));
  return bounded([...added, ...moved]);
}

/** The later state of a transfer: it ends once, and never goes back. */
function further(item: Transfer, told: Transfer | undefined): Transfer {
  if (told === undefined || item.state !== 'running') return item;
  return told.state !== 'running' || told.done >= item.done ? told : item;
}

/** The transfers under way, and the newest of those that are over. */
function bounded(items: Transfer[]): Transfer[] {
  if (items.length <= MOST_ENDED) return items;
  let ended = 0;
  return items.filter(({ state }) => state === 'running' || (ended += 1) <= MOST_ENDED);
}
