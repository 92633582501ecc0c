import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LiveEvent } from '../src/api/events';
import { fleet } from '../src/state/fleet.svelte';
import { List } from '../src/state/list.svelte';
import { Plots } from '../src/state/plots.svelte';
import { Transfers } from '../src/state/transfers.svelte';
import { live } from '../src/state/live.svelte';
import { held } from './held';

afterEach(() => {
  vi.unstubAllGlobals();
  fleet.devices.clear();
});
/** Lets all that is ready go on. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const device = (name: string, present = false) => ({ name, present, sessions: 0, data_files: 0, bytes: 0, key: null, address: null, joined: null, first_seen: null, last_seen: null });
const event = (type: string, data: Record<string, unknown>) => ({ id: '1', type, data }) as LiveEvent;

describe('the fleet on a slow hub', () => {
  it('asks once for a row, however often the row is seen', async () => {
    const asked = held();
    const loading = fleet.load();
    const slow = { ...device('slow'), latest: { file: 'f', value: '1', time: null } };
    asked[0]?.answer({ items: [slow], next: null });
    await loading;
    for (let second = 0; second < 5; second += 1) void fleet.refresh(['slow']);
    await settled();
    expect(asked.slice(1).map(({ url }) => url)).toEqual(['/api/v1/devices/slow/data/f/points?width=32']);
  });
  it('keeps what joined, and drops what was removed, while the list was read', async () => {
    const asked = held();
    const loading = fleet.load();
    fleet.apply(event('joined', { device: 'new', at: '2026-01-01T00:00:00Z' }));
    fleet.apply(event('joined', { device: 'old-page' }));
    fleet.apply(event('left', { device: 'gone-away' }));
    fleet.apply(event('deleted', { device: 'removed' }));
    asked[0]?.answer({ items: [device('known'), device('old-page'), device('gone-away', true), device('removed')], next: null });
    await loading;
    const states = [...fleet.devices.values()].map(({ name, present }) => [name, present]);
    expect(Object.fromEntries(states)).toEqual({ new: true, 'old-page': true, known: false, 'gone-away': false });
  });
  it('reads the list once more for all calls during a reading', async () => {
    const asked = held();
    const first = fleet.load();
    const rest = [fleet.load(), fleet.load()];
    asked[0]?.answer({ items: [], next: null });
    await first;
    await settled();
    expect(asked).toHaveLength(2);
    asked[1]?.answer({ items: [], next: null });
    await Promise.all(rest);
    expect(asked).toHaveLength(2);
  });
});

describe('a list', () => {
  it('is read one at a time in a storm of events', async () => {
    const asked = held();
    const list = new List<number>('/api/v1/tickets');
    const loads = Array.from({ length: 50 }, () => list.load());
    expect(asked).toHaveLength(1);
    asked[0]?.answer({ items: [1], next: null });
    await settled();
    expect([list.items, asked.length]).toEqual([[1], 2]);
    asked[1]?.answer({ items: [2], next: null });
    await Promise.all(loads);
    expect([list.items, asked.length]).toEqual([[2], 2]);
  });
  it('does not show the answer to a question that another one has overtaken', async () => {
    const asked = held();
    let name = 'a';
    const list = new List<string>('/api/v1/devices/{device}/data', () => ({ parameters: { device: name } }));
    const first = list.load();
    name = 'b';
    const second = list.load();
    asked[1]?.answer({ items: ['of b'], next: null });
    await second;
    asked[0]?.answer({ items: ['of a'], next: null });
    await first;
    expect(list.items).toEqual(['of b']);
  });
  it('of transfers is not read once for each transfer that is new', () => {
    const asked = held();
    vi.stubGlobal('addEventListener', () => {});
    const transfers = new Transfers();
    const told: ((event: LiveEvent) => void)[] = [];
    const subscribe = vi.spyOn(live, 'subscribe').mockImplementation(({ event }) => {
      if (event) told.push(event);
      return () => {};
    });
    transfers.start();
    for (let id = 0; id < 20; id += 1) told[0]?.(event('transfer', { id: `${id}` }));
    subscribe.mockRestore();
    expect(asked).toHaveLength(1);
  });
});

describe('transfers', () => {
  const transfer = (id: string, state: string, done = 0) => ({ id, from: 'cam', to: 'box', name: `${id}.mp4`, bytes: 100, done, state, path: 'direct', reason: null, started: '2026-01-01T00:00:00Z', ended: null });
  const begin = () => {
    vi.stubGlobal('addEventListener', () => {});
    const transfers = new Transfers();
    let tell: (data: Record<string, unknown>) => void = () => {};
    const subscribe = vi.spyOn(live, 'subscribe').mockImplementation(({ event: heard }) => {
      tell = (data) => heard?.(event('transfer', data));
      return () => {};
    });
    transfers.start();
    subscribe.mockRestore();
    return { list: transfers.list, tell };
  };
  const states = (list: { items: { id: string; state: string; done: number }[] }) => list.items.map(({ id, state, done }) => [id, state, done]);

  it('keep what events told while the list was read', async () => {
    const asked = held();
    const { list, tell } = begin();
    tell(transfer('ends', 'finished', 100));
    tell(transfer('begins', 'running', 1));
    tell(transfer('moves', 'running', 50));
    tell(transfer('told-before', 'running', 50));
    asked[0]?.answer({ items: [transfer('told-before', 'finished', 100), transfer('moves', 'running', 20), transfer('ends', 'running', 20), transfer('old', 'finished', 100)], next: null });
    await settled();
    expect(states(list)).toEqual([['begins', 'running', 1], ['told-before', 'finished', 100], ['moves', 'running', 50], ['ends', 'finished', 100], ['old', 'finished', 100]]);
    expect(asked).toHaveLength(1);
    // The next reading begins anew.
    void list.load();
    asked[1]?.answer({ items: [transfer('ends', 'running', 20)], next: null });
    await settled();
    expect(states(list)).toEqual([['ends', 'running', 20]]);
  });
  it('that are over are bounded, those under way stay', async () => {
    const asked = held();
    const { list, tell } = begin();
    asked[0]?.answer({ items: [transfer('way', 'running')], next: null });
    await settled();
    for (let id = 0; id < 2100; id += 1) tell(transfer(`${id}`, 'finished', 100));
    expect([list.items.length, list.items[0]?.id, list.items[1999]?.id, list.items[2000]?.id]).toEqual([2001, '2099', '100', 'way']);
  });
});

describe('plots on a slow link', () => {
  const series = { device: 'd', file: 'f' };
  const summary = { count: 2, sum: '3', mean: '1.5', min: '1', max: '2', first: null, last: null };
  const points = { t: [0, 1], min: [1, 2], max: [1, 2], mean: [1, 2], count: [1, 1] };

  it('come to their end, and then are asked for what came meanwhile', async () => {
    const asked = held();
    const plots = new Plots();
    void plots.load([series], 'all', 100, false);
    for (let second = 0; second < 5; second += 1) void plots.follow([series], 'all', 100, second === 2);
    asked[0]?.answer(summary);
    await settled();
    expect(asked).toHaveLength(3);
    expect(asked.every(({ signal }) => !signal?.aborted)).toBe(true);
    asked[1]?.answer(points);
    asked[2]?.answer(summary);
    await settled();
    expect(plots.of(series)?.points).toEqual(points);
    // Once more, beginning with the whole, which may have grown.
    expect(asked).toHaveLength(4);
    expect(asked[3]?.url).toBe('/api/v1/devices/d/data/f/summary');
    plots.stop();
  });
  it('give way to another range at once', async () => {
    const asked = held();
    const plots = new Plots();
    void plots.load([series], 'all', 100, false);
    void plots.follow([series], 'all', 100, true);
    void plots.load([series], '0..1', 100, false);
    expect(asked.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
    plots.stop();
    await settled();
    expect(asked).toHaveLength(2);
  });
});
