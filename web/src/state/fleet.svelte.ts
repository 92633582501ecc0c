// The devices of the fleet, kept up to date by events.
import { get, message } from '../api/client';
import { listDevices, readDevice, readTotals } from '../api/devices';
import type { LiveEvent } from '../api/events';
import type { Device, Points } from '../api/schema';
import { touched } from '../lib/heartbeat';
import { parse } from '../lib/time';
import { clock } from './clock.svelte';
import { live } from './live.svelte';

const DAY = 86_400_000;
/** A row is asked for again at most this often. */
const PATIENCE = 3000;
/** Changes are shown together. */
const TOGETHER = 120;
/** How long a row that just joined is lit. */
export const LIT = 6000;

interface Spark {
  values: number[];
  asked: number;
}

class Fleet {
  /** Grows with each change; read it where the map is read. */
  version = $state(0);
  loaded = $state(false);
  failure = $state<string | null>(null);
  readonly devices = new Map<string, Device>();
  private readonly sparks = new Map<string, Spark>();
  private readonly lit = new Map<string, number>();
  private stale = new Map<string, number>();
  /** The hub's list has each device's latest data; else each row asks for its own. */
  private tellsLatest = true;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private loading = false;
  private again = false;

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
    return this.sparks.get(name)?.values;
  }

  start(): () => void {
    return live.subscribe({ event: (event) => this.apply(event), reload: () => void this.load() });
  }

  /** Reads the whole list; a call during another one makes it read once more. */
  async load(): Promise<void> {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    try {
      const seen = new Set<string>();
      await listDevices((items) => {
        for (const device of items) {
          seen.add(device.name);
          this.tellsLatest = device.latest !== undefined;
          if (this.loaded && device.present && !this.devices.get(device.name)?.present) this.light(device.name);
          this.devices.set(device.name, this.kept(device));
        }
        this.show();
      });
      for (const name of this.devices.keys()) if (!seen.has(name)) this.devices.delete(name);
      this.loaded = true;
      this.failure = null;
      for (const name of this.sparks.keys()) this.stale.set(name, 0);
    } catch (error) {
      this.failure = message(error);
    }
    this.loading = false;
    this.show();
    if (this.again) {
      this.again = false;
      void this.load();
    }
  }

  apply(event: LiveEvent): void {
    const name = text(event.data['device']);
    if (name === null) return;
    const at = text(event.data['at']);
    const known = this.devices.get(name);
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
        if (text(event.data['file']) === null) this.devices.delete(name);
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
    const now = clock.exact();
    const due = names.filter((name) => {
      const since = this.stale.get(name);
      return since !== undefined && now - since >= PATIENCE;
    });
    for (const name of due) this.stale.delete(name);
    const sparkless = names.filter((name) => !this.sparks.has(name) || due.includes(name));
    await Promise.all(due.map((name) => this.reread(name)));
    await Promise.all(sparkless.map((name) => this.readTotals(name).then(() => this.readSpark(name))));
    if (due.length + sparkless.length > 0) this.showSoon();
  }

  private async reread(name: string): Promise<void> {
    try {
      const device = await readDevice(name);
      if (this.devices.has(name)) this.devices.set(name, this.kept(device));
    } catch {
      // The row stays as it was; the next event tries again.
    }
  }

  /** A hub that tells no latest data in its list: what was asked for already stays. */
  private kept(device: Device): Device {
    const old = this.devices.get(device.name);
    if (device.latest !== undefined || old?.latest === undefined) return device;
    return { ...device, latest: old.latest, data_files: old.data_files, bytes: old.bytes };
  }

  private async readTotals(name: string): Promise<void> {
    const device = this.devices.get(name);
    if (!device || this.tellsLatest) return;
    try {
      const totals = await readTotals(name);
      const now = this.devices.get(name);
      if (now) this.devices.set(name, { ...now, ...totals });
    } catch {
      // The row shows no data until the next try.
    }
  }

  private async readSpark(name: string): Promise<void> {
    const latest = this.devices.get(name)?.latest;
    const spark = this.sparks.get(name) ?? { values: [], asked: 0 };
    this.sparks.set(name, { ...spark, asked: clock.exact() });
    if (!latest) return;
    const end = parse(latest.time);
    const range = end === null ? {} : { from: end - DAY, to: end + 1 };
    try {
      const parameters = { device: name, file: latest.file };
      const points = await get<Points>('/api/v1/devices/{device}/data/{file}/points', parameters, { ...range, width: 32 });
      this.sparks.set(name, { values: points.mean, asked: clock.exact() });
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

/** A device of which only the name is known yet. */
function unknown(name: string, at: string | null): Device {
  const nothing = { address: null, joined: null, key: null, latest: null, traffic: null, heartbeat: null };
  return { name, present: false, first_seen: at, last_seen: at, sessions: 1, data_files: 0, bytes: 0, ...nothing };
}

export const fleet = new Fleet();
