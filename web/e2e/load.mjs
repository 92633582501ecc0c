// Live events under load: many readers, and appends of many devices. It tells whether a reader that
// keeps up misses an event, and what the hub takes. By hand: npm run load.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import http from 'node:http';
import { RealHub } from './hub.mjs';

const READERS = Number(process.env.READERS ?? 50);
const DEVICES = Number(process.env.DEVICES ?? 200);
const RATE = Number(process.env.RATE ?? 1000);
const SECONDS = Number(process.env.SECONDS ?? 20);

const hub = await RealHub.start();
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const { hostname, port } = new URL(hub.url);

/** A request; its reply's text. */
const ask = (method, path, token, body, type = 'text/plain') => new Promise((resolve, reject) => {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': type, ...(body ? { 'Content-Length': Buffer.byteLength(body) } : {}) };
  const request = http.request({ hostname, port, method, path: `/api/v1/${path}`, headers, agent }, (reply) => {
    let text = '';
    reply.setEncoding('utf8').on('data', (piece) => (text += piece)).on('end', () => {
      if (reply.statusCode < 300) resolve(text);
      else reject(new Error(`${method} ${path}: ${reply.statusCode} ${text}`));
    });
  });
  request.on('error', reject).end(body);
});

/** A reader of all events: ids without a gap, and the sum of the samples. */
function follow(token) {
  const reader = { last: null, events: 0, samples: 0, gaps: 0, resets: 0, bytes: 0 };
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: '/api/v1/events', headers: { Authorization: `Bearer ${token}` } }, (reply) => {
      if (reply.statusCode !== 200) return reject(new Error(`events: ${reply.statusCode}`));
      let text = '';
      reply.setEncoding('utf8').on('data', (piece) => {
        reader.bytes += piece.length;
        text += piece;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const id = Number(/^id: \d+-(\d+)$/m.exec(block)?.[1]);
          const type = /^event: (.*)$/m.exec(block)?.[1];
          if (type === 'reset') reader.resets += 1;
          else if (type) {
            reader.events += 1;
            if (reader.last !== null && id !== reader.last + 1) reader.gaps += 1;
            if (type === 'samples') reader.samples += Number(/"samples":(\d+)/.exec(block)[1]);
          }
          reader.last = id;
        }
      }).on('end', () => {}).on('error', () => {});
      resolve(Object.assign(reader, { end: () => request.destroy() }));
    });
    request.on('error', () => {}).end();
  });
}

/** The processor seconds that the hub has used, and its memory in MB. */
function used() {
  const stat = readFileSync(`/proc/${hub.process.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hub.process.pid}/status`, 'utf8'))[1];
  return { seconds: (Number(stat[11]) + Number(stat[12])) / 100, megabytes: Number(memory) / 1024 };
}

try {
  const admin = await hub.token();
  const names = Array.from({ length: DEVICES }, (_, index) => `meter-${index}`);
  writeFileSync(join(hub.folder, 'accounts.txt'), names.map((name) => `${name} secret-${name}\n`).join(''));
  await hub.command('account', 'import', join(hub.folder, 'accounts.txt'), '--data', join(hub.folder, 'hub'));
  const tokens = [];
  for (const name of names) {
    const added = await ask('POST', 'tokens', admin, JSON.stringify({ name, role: 'device', device: name }), 'application/json');
    tokens.push(JSON.parse(added).token);
  }
  const readers = [];
  for (let reader = 0; reader < READERS; reader += 1) readers.push(await follow(admin));
  const [begun, before] = [Date.now(), used()];
  let [due, sent, done, failed] = [0, 0, 0, 0];
  while (Date.now() - begun < SECONDS * 1000) {
    due = ((Date.now() - begun) * RATE) / 1000;
    // What the hub has not answered yet holds the load up.
    for (; sent < due && sent - done - failed < 256; sent += 1) {
      const device = sent % DEVICES;
      ask('POST', `devices/${names[device]}/data/t`, tokens[device], `${sent}\n`).then(() => (done += 1), (error) => { failed += 1; if (failed < 3) console.error(error.message); });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  while (done + failed < sent) await new Promise((resolve) => setTimeout(resolve, 10));
  const time = (Date.now() - begun) / 1000;
  const after = used();
  for (let round = 0; round < 100 && readers.some(({ samples }) => samples < done); round += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const sum = (name) => readers.reduce((total, reader) => total + reader[name], 0);
  console.log(`${READERS} readers, ${DEVICES} devices: ${(done / time).toFixed(0)} appends/s for ${time.toFixed(1)} s, ${failed} failed`);
  console.log(`${(readers[0].events / time).toFixed(0)} events/s to each reader, ${(sum('bytes') / time / 1e6).toFixed(1)} MB/s in all`);
  console.log(`gaps ${sum('gaps')}, resets ${sum('resets')}, readers with all ${done} samples: ${readers.filter(({ samples }) => samples === done).length}`);
  console.log(`the hub: ${(((after.seconds - before.seconds) / time) * 100).toFixed(0)} % of a core, ${after.megabytes.toFixed(0)} MB (${before.megabytes.toFixed(0)} MB before)`);
  if (sum('gaps') > 0 || readers.some(({ samples }) => samples !== done)) process.exitCode = 1;
  readers.forEach(({ end }) => end());
} finally {
  agent.destroy();
  await hub.stop();
}
