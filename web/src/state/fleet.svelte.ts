// The devices of the fleet, kept up to date by events.
import { get, message } from '../api/client';
import { listDevices, readDevice } from '../api/devices';
import type { LiveEvent } from '../api/events';
import type { Device, Points } from '../api/schema';
import { touched } from '../lib/heartbeat';
import { coalesced } from '../lib/pace';
import { parse } from '../lib/time';
import { Told } from '../lib/told';
import { clock } from './clock.svelte';
import { live } from './live.svelte';

const DAY = 86_400_000;
/** A row is asked for again at most this often. */
const PATIENCE = 3000;
/** So many rows are asked for at a time: a slow hub is not asked for all that a reader scrolls past. */
const MOST_ROWS = 32;
/** Changes are shown together. */
const TOGETHER = 120;
/** How long a row that just joined is lit. */
export const LIT = 6000;

class Fleet {
  /** Grows with each change; read it where the map is read. */
  version = $state(0);
  loaded = $state(false);
  failure = $state<string | null>(null);
  readonly devices = new Map<string, Device>();
  private readonly sparks = new Map<string, readonly number[]>();
  private readonly lit = new Map<string, number>();
  private readonly stale = new Map<string, number>();
  /** The rows that are being asked for. */
  private readonly asking = new Set<string>();
  private readonly told = new Told<LiveEvent>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** When the row joined under the viewer's eyes. */
  litSince(name: string): number | undefined {
    void this.version;
    return this.lit.get(name);
  }

  /** The devices that joined since then, as this page saw it. */
  joinedSince(time: number): string[] {
    void this.version;
    return [...this.lit].filter(([, at]) => at >= time).map(([name]) => name);
  }

  spark(name: string): readonly number[] | undefined {
    void this.version;
    return this.sparks.get(name);
  }

  start(): () => void {
    return live.subscribe({ event: (event) => this.apply(event), reload: () => void this.load() });
  }

  /** Reads the whole list; a call during another one makes it read once more. */
  readonly load = coalesced(() => this.read());

  private async read(): Promise<void> {
    const seen = new Set<string>();
    const told = this.told.begin();
    try {
      await listDevices((items) => {
        for (const device of items) {
          const event = told.get(device.name);
          if (event && isRemoval(event)) continue;
          seen.add(device.name);
          if (this.loaded && device.present && !this.devices.get(device.name)?.present) this.light(device.name);
          this.devices.set(device.name, device);
          if (event && isMove(event)) this.apply(event);
        }
        this.show();
      });
      for (const name of this.devices.keys()) if (!seen.has(name) && !told.has(name)) this.devices.delete(name);
      this.loaded = true;
      this.failure = null;
      for (const name of this.sparks.keys()) this.stale.set(name, 0);
    } catch (error) {
      this.failure = message(error);
    }
    this.told.end(told);
    this.show();
  }

  apply(event: LiveEvent): void {
    const name = text(event.data['device']);
    if (name === null) return;
    const at = text(event.data['at']);
    const known = this.devices.get(name);
    this.told.note(name, event, isMove(event) || isRemoval(event));
    switch (event.type) {
      case 'joined':
        this.joined(name, known, at, text(event.data['address']));
        break;
      case 'left':
        if (known) {
          const heartbeat = touched(known.heartbeat);
          this.devices.set(name, { ...known, present: false, joined: null, last_seen: at, heartbeat });
          this.stale.set(name, clock.exact());
        }
        break;
      case 'uploaded':
      case 'samples':
        this.measured(name, known, event, at);
        break;
      case 'deleted':
        if (isRemoval(event)) this.devices.delete(name);
        else this.stale.set(name, clock.exact());
        break;
      default:
        return;
    }
    this.showSoon();
  }

  private light(name: string): void {
    this.lit.set(name, Date.now());
    setTimeout(() => this.showSoon(), LIT + 50);
  }

  private joined(name: string, known: Device | undefined, at: string | null, address: string | null): void {
    const base = known ?? unknown(name, at);
    const heartbeat = touched(base.heartbeat);
    this.devices.set(name, { ...base, present: true, joined: at, last_seen: at, address: address ?? base.address, heartbeat });
    if (!known?.present) this.light(name);
    this.stale.set(name, 0);
  }

  private measured(name: string, known: Device | undefined, event: LiveEvent, at: string | null): void {
    const [file, value] = [text(event.data['file']), text(event.data['value'])];
    if (known && file !== null && value !== null) {
      this.devices.set(name, { ...known, latest: { file, value, time: text(event.data['time']) ?? at } });
    }
    if (!this.stale.has(name)) this.stale.set(name, clock.exact());
  }

  /** Asks for what is new about the rows that are seen. */
  async refresh(names: readonly string[]): Promise<void> {
    const free = names.filter((name) => !this.asking.has(name));
    const due = free.filter((name) => this.isStale(name) || !this.sparks.has(name));
    await Promise.all(due.slice(0, Math.max(0, MOST_ROWS - this.asking.size)).map((name) => this.refreshRow(name)));
  }

  private isStale(name: string): boolean {
    const since = this.stale.get(name);
    return since !== undefined && clock.exact() - since >= PATIENCE;
  }

  /** Asks for all that is new about one row; until it is told, the row is not asked for again. */
  private async refreshRow(name: string): Promise<void> {
    this.asking.add(name);
    const reread = this.isStale(name);
    if (reread) this.stale.delete(name);
    this.sparks.set(name, this.sparks.get(name) ?? []);
    if (reread) await this.reread(name);
    await this.readSpark(name);
    this.asking.delete(name);
    this.showSoon();
  }

  private async reread(name: string): Promise<void> {
    try {
      const device = await readDevice(name);
      if (this.devices.has(name)) this.devices.set(name, device);
    } catch {
      // The row stays as it was; the next event tries again.
    }
  }

  private async readSpark(name: string): Promise<void> {
    const latest = this.devices.get(name)?.latest;
    if (!latest) return;
    const end = parse(latest.time);
    const range = end === null ? {} : { from: end - DAY, to: end + 1 };
    try {
      const parameters = { device: name, file: latest.file };
      const points = await get<Points>('/api/v1/devices/{device}/data/{file}/points', parameters, { ...range, width: 32 });
      this.sparks.set(name, points.mean);
    } catch {
      // No line is drawn.
    }
  }

  forget(name: string): void {
    this.devices.delete(name);
    this.show();
  }

  private showSoon(): void {
    this.timer ??= setTimeout(() => this.show(), TOGETHER);
  }

  private show(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.version++;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isMove(event: LiveEvent): boolean {
  return event.type === 'joined' || event.type === 'left';
}

/** The device itself is deleted, not one of its data files. */
function isRemoval(event: LiveEvent): boolean {
  return event.type === 'deleted' && text(event.data['file']) === null;
}

/** A device of which only the name is known yet. */
function unknown(name: string, at: string | null): Device {
  const nothing = { address: null, joined: null, key: null, latest: null, traffic: { received: 0, sent: 0 }, heartbeat: null };
  return { name, present: false, first_seen: at, last_seen: at, sessions: 1, data_files: 0, bytes: 0, ...nothing };
}

export const fleet = new Fleet();
