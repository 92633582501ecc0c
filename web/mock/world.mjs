// The state of the played hub, and the events that it tells.
import { HOSTILE, makeDevice, makeFile, names, sizeOf, time, timeAt } from './fleet.mjs';

const RING = 500;

export class World {
  constructor({ devices, hostile }) {
    const now = Date.now();
    this.started = now - 3 * 86_400_000;
    this.hostile = hostile;
    this.devices = new Map(names(devices, hostile).map((name, index) => [name, makeDevice(name, index, now, index % 5 !== 3)]));
    this.token = 'one-time';
    this.sessions = new Map();
    this.readers = new Set();
    this.ring = [];
    this.nextEvent = 1;
    this.nextId = 10;
    this.down = false;
    this.audit = [];
    const some = [...this.devices.keys()];
    const evil = (index, plain) => (hostile ? HOSTILE[index % HOSTILE.length] : plain);
    this.transfers = some.length < 2 ? [] : [
      { id: 't1', from: some[0], to: some[1], name: evil(0, 'flight-0412.mp4'), bytes: 8.4e8, done: 3.1e8, state: 'running', path: 'direct', reason: null, started: time(now - 40_000), ended: null },
      { id: 't2', from: some[1], to: some[0], name: evil(2, 'calibration.json'), bytes: 18_400, done: 18_400, state: 'finished', path: 'direct', reason: null, started: time(now - 4e6), ended: time(now - 3.99e6) },
      { id: 't3', from: some[0], to: some.at(-1), name: evil(3, 'firmware-2.1.img'), bytes: 2.1e9, done: 9e8, state: 'failed', path: 'relayed', reason: evil(1, 'the receiver has no room left'), started: time(now - 9e6), ended: time(now - 8.7e6) },
    ];
    this.tickets = some.length === 0 ? [] : [
      { number: 4, name: 'gate-09', prefix: null, state: 'open', uses: 1, left: 1, used: [], issued: time(now - 60_000), expires: time(now + 840_000), revoked: null },
      { number: 3, name: null, prefix: 'beehive-', state: 'open', uses: 20, left: 13, used: some.slice(0, 7).map((device) => ({ device, at: time(now - 5e6) })), issued: time(now - 6e6), expires: time(now + 8e7), revoked: null },
      { number: 2, name: 'pump-07', prefix: null, state: 'expired', uses: 1, left: 0, used: [], issued: time(now - 9e7), expires: time(now - 8.9e7), revoked: null },
    ];
    this.tokens = some.length === 0 ? [] : [{ id: '1', name: evil(0, 'prometheus'), role: 'viewer', device: null, made: time(now - 8e8), expires: time(now + 7e9), used: time(now - 9000) }];
    this.rules = some.length === 0 ? [] : [{ kind: 'quota', pattern: evil(0, 'gate-*'), value: 10_737_418_240, origin: 'option' }];
    this.lockouts = some.length === 0 ? [] : [{ device: some[0], until: time(now + 600_000) }, { device: 'login/ada', until: time(now + 500_000) }];
    this.penalties = some.length === 0 ? [] : [{ network: '203.0.113.7', fault: 'many_names', until: time(now + 300_000) }];
    this.logins = [{ name: 'ada', role: 'administrator', made: time(now - 9e8) }, { name: 'wall', role: 'viewer', made: time(now - 5e8) }];
    some.slice(0, 40).forEach((name, index) => {
      this.write(index % 7 === 6 ? 'login.done' : index % 5 === 4 ? 'data.deleted' : index % 3 === 2 ? 'key.enrolled' : 'joined', name, {
        at: now - (40 - index) * 700_000, outcome: index % 7 === 6 ? 'refused' : 'done',
        ...(index % 5 === 4 ? { by: { kind: 'administrator', name: 'ada' }, door: 'http', file: 'temperature' } : {}),
        ...(index % 7 === 6 ? { detail: evil(1, 'wrong password') } : {}),
      });
    });
    this.commands = {
      join: ({ name }) => this.join(name),
      leave: ({ name }) => this.leave(name),
      measure: ({ name, file, value }) => this.measure(name, file ?? 'temperature', Number(value)),
      transfer: (values) => this.transfer({ ...values, done: Number(values.done), bytes: Number(values.bytes) }),
      lock: ({ name }) => this.lock(name),
      reset: () => this.tell('reset', {}),
      forget: () => { this.ring = []; },
      restart: ({ ms }) => this.restart(Number(ms ?? 800)),
      logout: () => this.sessions.clear(),
    };
  }

  write(action, device, { at = Date.now(), by = { kind: 'device', name: device }, door = 'session', outcome = 'done', file = null, detail = null } = {}) {
    this.audit.unshift({ id: String(this.nextId++), at: time(at), action, by, door, address: '192.0.2.7', device, file, subject: null, outcome, detail });
  }

  tell(type, data) {
    const event = { id: this.nextEvent++, type, data: { ...data, at: time(Date.now()) } };
    this.ring.push(event);
    if (this.ring.length > RING) this.ring.shift();
    for (const reader of this.readers) reader(event);
  }

  join(name) {
    const device = this.devices.get(name) ?? makeDevice(name, 8, Date.now(), true);
    const now = Date.now();
    Object.assign(device, { present: true, joined: now, last_seen: now });
    if (!this.devices.has(name)) Object.assign(device, { files: new Map(), first_seen: now, heartbeat: `${'-'.repeat(47)}1` });
    this.devices.set(name, device);
    this.write('joined', name);
    this.tell('joined', { device: name, address: device.address });
  }

  leave(name) {
    const device = this.devices.get(name);
    if (!device) return;
    Object.assign(device, { present: false, joined: null, last_seen: Date.now() });
    this.write('left', name);
    this.tell('left', { device: name });
  }

  measure(name, fileName, value) {
    const device = this.devices.get(name);
    if (!device) return;
    const now = Date.now();
    let file = device.files.get(fileName);
    if (!file) device.files.set(fileName, (file = { ...makeFile(1, now, false), samples: 0 }));
    file.tail.push({ t: Math.max(now, sizeOf(file) > 0 ? timeAt(file, sizeOf(file) - 1) : 0), value });
    Object.assign(file, { changed: now, version: file.version + 1 });
    device.traffic.received += 20;
    this.tell('samples', { device: name, file: fileName, samples: 1, bytes: sizeOf(file) * 20, value: String(value), time: time(now) });
  }

  transfer(values) {
    const known = this.transfers.find(({ id }) => id === values.id);
    const next = { id: values.id, path: 'direct', reason: null, started: time(Date.now()), ended: null, state: 'running', ...known, ...values };
    if (next.state !== 'running') next.ended = time(Date.now());
    this.transfers = [next, ...this.transfers.filter(({ id }) => id !== values.id)];
    this.tell('transfer', next);
  }

  lock(name) {
    const until = time(Date.now() + 60_000);
    this.lockouts = [{ device: name, until }, ...this.lockouts.filter(({ device }) => device !== name)];
    this.write('locked_out', name, { outcome: 'refused' });
    this.tell('locked_out', { device: name, until });
  }

  /** Closes every connection, and is away for a while; the ring is empty afterwards. */
  restart(ms) {
    this.down = true;
    for (const reader of this.readers) reader(null);
    this.readers.clear();
    this.ring = [];
    this.nextEvent = 1;
    this.started = Date.now();
    setTimeout(() => (this.down = false), ms);
  }

  end() {
    for (const reader of this.readers) reader(null);
    this.readers.clear();
  }

  /** Something happens by itself. */
  live() {
    const present = [...this.devices.values()].filter((device) => device.present && device.files.size > 0);
    for (const device of present.slice(0, 5)) this.measure(device.name, 'temperature', Math.round((21 + Math.sin(Date.now() / 9000) * 3 + Math.random()) * 100) / 100);
    const running = this.transfers.find(({ state }) => state === 'running');
    if (running) {
      const done = Math.min(running.bytes, running.done + 9e6);
      this.transfer({ ...running, done, state: done === running.bytes ? 'finished' : 'running' });
    }
    if (Math.random() < 0.05 && this.devices.size > 0) {
      const device = [...this.devices.values()][Math.floor(Math.random() * this.devices.size)];
      if (device.present) this.leave(device.name);
      else this.join(device.name);
    }
  }
}
