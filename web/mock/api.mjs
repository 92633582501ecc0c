// The played hub's answers.
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { points, sizeOf, summary, time, timeAt, valueAt } from './fleet.mjs';

class Refusal extends Error {
  constructor(status, detail, code = null) {
    super(detail);
    Object.assign(this, { status, code });
  }
}

export async function answer(world, request, response, url) {
  try {
    const reply = await route(world, request, response, url);
    if (reply !== undefined) send(request, response, reply);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const body = { type: 'about:blank', title: error.message, detail: error.message, status: error.status, code: error.code };
    response.writeHead(error.status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(body));
  }
}

function send(request, response, { status = 200, body = null, headers = {}, text = null }) {
  if (body === null && text === null) return response.writeHead(status === 200 ? 204 : status, headers).end();
  const content = text ?? JSON.stringify(body);
  const gzip = (request.headers['accept-encoding'] ?? '').includes('gzip');
  response.writeHead(status, { 'Content-Type': text === null ? 'application/json' : 'text/plain', ...headers, ...(gzip ? { 'Content-Encoding': 'gzip' } : {}) });
  response.end(gzip ? gzipSync(content, { level: 1 }) : content);
}

async function route(world, request, response, url) {
  const { method } = request;
  const path = url.pathname.replace('/api/v1/', '').split('/').map(decodeURIComponent);
  const query = url.searchParams;
  const unsafe = !['GET', 'HEAD'].includes(method);
  if (unsafe && request.headers['x-fleetlink'] !== '1') throw new Refusal(403, 'the header X-Fleetlink is missing', 'csrf');
  const body = unsafe ? await json(request) : null;
  const key = `${method} ${path[0]}`;
  if (key === 'POST login') return logIn(world, body);
  const login = session(world, request);
  if (key === 'GET session') return { body: login };
  if (key === 'DELETE session') {
    world.sessions.delete(cookie(request));
    return {};
  }
  if (key === 'GET events') return stream(world, request, response);
  if (unsafe && login.role !== 'administrator') throw new Refusal(403, 'a viewer may not change anything', 'forbidden');
  const handler = HANDLERS[key];
  if (!handler) throw new Refusal(404, 'there is nothing at this path', 'not_found');
  return handler(world, path, query, body);
}

async function json(request) {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? null : JSON.parse(text);
}

const cookie = (request) => /fleetlink-mock=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];

function session(world, request) {
  const login = world.sessions.get(cookie(request));
  if (!login) throw new Refusal(401, 'nobody is logged in', 'unauthenticated');
  return login;
}

function logIn(world, body) {
  const people = { ada: ['secret', 'administrator'], wall: ['secret', 'viewer'] };
  let login = null;
  if (body.token !== undefined) {
    if (body.token !== world.token) throw new Refusal(401, 'this link was used or has expired; make a new one: fleetlink admin link', 'invalid_token');
    world.token = null;
    login = { name: 'link', role: 'administrator' };
  } else {
    const person = people[body.name];
    if (!person || person[0] !== body.password) throw new Refusal(401, 'the name or the password is wrong', 'wrong_password');
    login = { name: body.name, role: person[1] };
  }
  login.expires = time(Date.now() + 43_200_000);
  const id = randomBytes(16).toString('hex');
  world.sessions.set(id, login);
  return { body: login, headers: { 'Set-Cookie': `fleetlink-mock=${id}; HttpOnly; SameSite=Strict; Path=/` } };
}

function stream(world, request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const write = (event) => {
    if (event === null) return response.destroy();
    response.write(`event: ${event.type}\nid: ${event.id}\ndata: ${JSON.stringify(event.data)}\n\n`);
  };
  response.write(': hello\n\n');
  const last = Number(request.headers['last-event-id'] ?? NaN);
  if (!Number.isNaN(last)) {
    const oldest = world.ring[0]?.id ?? world.nextEvent;
    if (last + 1 < oldest || last >= world.nextEvent) write({ type: 'reset', id: world.nextEvent - 1, data: {} });
    else for (const event of world.ring.filter(({ id }) => id > last)) write(event);
  }
  world.readers.add(write);
  const ping = setInterval(() => response.write(': ping\n\n'), 15_000);
  response.on('close', () => {
    clearInterval(ping);
    world.readers.delete(write);
  });
}

function list(items, query) {
  const limit = Number(query.get('limit') ?? 200);
  if (!(limit >= 1 && limit <= 200)) throw new Refusal(400, 'limit is a number from 1 to 200', 'bad_request');
  const from = Number(query.get('after') ?? 0);
  const next = from + limit < items.length ? String(from + limit) : null;
  return { body: { items: items.slice(from, from + limit), next } };
}

function deviceOf(world, name) {
  const device = world.devices.get(name);
  if (!device) throw new Refusal(404, `there is no device ${name}`, 'unknown_device');
  return device;
}
function fileOf(world, path) {
  const file = deviceOf(world, path[1]).files.get(path[3]);
  if (!file) throw new Refusal(404, `the device has no data file ${path[3]}`, 'no_such_file');
  return file;
}

const bytesOf = (file) => sizeOf(file) * 21;

function item(device) {
  const { files, joined, first_seen, last_seen, ...rest } = device;
  const entries = [...files];
  const [name, file] = entries.sort((a, b) => b[1].changed - a[1].changed)[0] ?? [null, null];
  const last = file ? sizeOf(file) - 1 : -1;
  return {
    ...rest,
    joined: joined && time(joined), first_seen: time(first_seen), last_seen: time(last_seen), sessions: device.present ? 1 : 0, data_files: files.size,
    bytes: entries.reduce((sum, [, one]) => sum + bytesOf(one), 0),
    latest: file ? { file: name, value: String(valueAt(file, last)), time: file.indexed ? null : time(timeAt(file, last)) } : null,
  };
}

const moment = (text) => (text === null || text === '' ? null : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text));

const HANDLERS = {
  'GET hub': (world) => ({
    body: {
      version: '0.1.0', started: time(world.started), now: time(Date.now()),
      devices: { present: [...world.devices.values()].filter(({ present }) => present).length, known: world.devices.size },
      sessions: world.devices.size, store: { bytes: 3.2e9, free_bytes: 4.1e10 }, pin: `sha256:${'da0c80'.repeat(10)}dead`, address: '192.0.2.1:7421',
      limits: { sessions: { limit: 65536, reached: 0 }, sessions_per_network: { limit: 512, reached: 3 }, uploads_at_once: 256, login_deadline: '10 s', data_age: null },
    },
  }),
  'GET devices': (world, path, query) => {
    if (path.length === 1) return list([...world.devices.values()].map(item), query);
    const device = deviceOf(world, path[1]);
    if (path.length === 2) return { body: item(device) };
    if (path[2] === 'sessions') return list(device.present ? [{ id: 7, kind: 'joined', address: device.address, since: time(device.joined), means: device.key ? 'key' : 'password' }] : [], query);
    if (path.length === 3) return list([...device.files].map(([name, file]) => ({ name, samples: sizeOf(file), bytes: bytesOf(file), version: String(file.version), changed: time(file.changed), summary: summary(file) })), query);
    const file = fileOf(world, path);
    if (path[4] === 'summary') return { body: summary(file, moment(query.get('from')), moment(query.get('to'))) };
    if (path[4] === 'points') return { body: points(file, moment(query.get('from')), moment(query.get('to')), Number(query.get('width') ?? 1200)) };
    // A range is not honoured, which a server may do.
    return { text: Array.from({ length: sizeOf(file) }, (_, index) => `${valueAt(file, index)}\n`).join(''), headers: { 'Content-Disposition': 'attachment' } };
  },
  'DELETE devices': (world, path, query) => {
    const device = deviceOf(world, path[1]);
    if (path[2] === 'sessions') world.leave(path[1]);
    else if (path[2] === 'data') {
      device.files.delete(path[3]);
      world.tell('deleted', { device: path[1], file: path[3] });
    } else {
      if (device.files.size > 0 && query.get('data') !== 'true') throw new Refusal(409, 'the device has data', 'has_data');
      world.devices.delete(path[1]);
      world.tell('deleted', { device: path[1] });
    }
    return {};
  },
  'GET transfers': (world, _, query) => list(world.transfers, query),
  'GET lockouts': (world, _, query) => list(world.lockouts, query),
  'DELETE lockouts': (world, path) => {
    world.lockouts = world.lockouts.filter(({ device }) => device !== path[1]);
    return {};
  },
  'GET penalties': (world, _, query) => list(world.penalties, query),
  'GET tickets': (world, _, query) => list(world.tickets, query),
  'POST tickets': (world, _, __, body) => {
    if (/[^\w.-]/.test(body.name ?? body.prefix)) throw new Refusal(422, 'a name is made of letters, digits, ., _ and -', 'invalid_name');
    const number = world.tickets.length + 5;
    const expires = time(Date.now() + (body.expires_in ?? 900) * 1000);
    world.tickets.unshift({ number, name: body.name ?? null, prefix: body.prefix ?? null, state: 'open', uses: body.uses ?? 1, left: body.uses ?? 1, used: [], issued: time(Date.now()), expires, revoked: null });
    const ticket = `fl1${'agt2pj5hu6t2pj5hu6t2odypb4hq6d'.repeat(6)}`;
    return { body: { number, ticket, command: `fleetlink join ${ticket}`, addresses: ['192.0.2.1:7421'], expires } };
  },
  'DELETE tickets': (world, path) => {
    const ticket = world.tickets.find(({ number }) => String(number) === path[1]);
    if (!ticket) throw new Refusal(404, 'there is no ticket of this number', 'not_found');
    Object.assign(ticket, { state: 'revoked', left: 0, revoked: time(Date.now()) });
    return {};
  },
  'GET accounts': (world, _, query) => list([...world.devices.values()].map(({ name, key, first_seen, present }) => ({ name, present, key, added: time(first_seen), locked_out_for_ms: world.lockouts.some(({ device }) => device === name) ? 5000 : null })), query),
  'POST accounts': (world, _, __, body) => {
    if (world.devices.has(body.name)) throw new Refusal(409, `the account ${body.name} exists already`, 'account_exists');
    world.join(body.name);
    return {};
  },
  'PUT accounts': (world, path) => {
    deviceOf(world, path[1]);
    return {};
  },
  'GET tokens': (world, _, query) => list(world.tokens, query),
  'POST tokens': (world, _, __, body) => {
    const id = String(world.nextId++);
    world.tokens.push({ id, name: body.name, role: body.role, device: body.device ?? null, made: time(Date.now()), expires: body.expires_in ? time(Date.now() + body.expires_in * 1000) : null, used: null });
    return { status: 201, body: { id, token: `flt_${randomBytes(32).toString('hex')}` } };
  },
  'DELETE tokens': (world, path) => {
    world.tokens = world.tokens.filter(({ id }) => id !== path[1]);
    return {};
  },
  'GET rules': (world, _, query) => list(world.rules, query),
  'PUT rules': (world, [, kind, pattern], _, body) => {
    if (!/^[\w.*:/-]+$/.test(pattern)) throw new Refusal(400, 'a pattern is made of the characters of names', 'invalid_params');
    world.rules = [{ kind, pattern, value: body.value, origin: 'set' }, ...world.rules.filter((rule) => rule.origin !== 'set' || rule.kind !== kind || rule.pattern !== pattern)];
    return {};
  },
  'DELETE rules': (world, [, kind, pattern]) => {
    world.rules = world.rules.filter((rule) => rule.origin !== 'set' || rule.kind !== kind || rule.pattern !== pattern);
    return {};
  },
  'GET logins': (world, _, query) => list(world.logins, query),
  'POST logins': (world, _, __, body) => {
    world.logins.push({ name: body.name, role: body.role, made: time(Date.now()) });
    return {};
  },
  'PUT logins': () => ({}),
  'DELETE logins': (world, path) => {
    world.logins = world.logins.filter(({ name }) => name !== path[1]);
    return {};
  },
  'GET audit': (world, _, query) => {
    const from = moment(query.get('from'));
    const actions = query.get('action')?.split(',').filter(Boolean) ?? [];
    const is = (event) => actions.length === 0 || actions.some((action) => event.action === action || event.action.startsWith(`${action}.`));
    const fits = (event) => is(event) && ['device', 'outcome'].every((name) => !query.get(name) || event[name] === query.get(name)) &&
      (!query.get('by') || event.by.name === query.get('by')) && (from === null || Date.parse(event.at) >= from);
    return list(world.audit.filter(fits), query);
  },
};
