// A hub that is only played: the API and the built page, for development and for browser tests.
//   node mock/server.mjs [--port 7480] [--devices 5] [--hostile] [--quiet]
// `POST /mock/...` makes things happen; without --quiet devices measure, come and go by themselves.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { World } from './world.mjs';
import { answer } from './api.mjs';

const ASSETS = fileURLToPath(new URL('../../crates/hub/assets', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// The hub's own policy.
export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Starts a played hub; resolves with its address, its world and a way to end it. */
export async function start({ port = 0, devices = 5, hostile = false, quiet = true } = {}) {
  const world = new World({ devices, hostile });
  const server = createServer((request, response) => {
    handle(world, request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'application/problem+json' });
      response.end(JSON.stringify({ type: 'about:blank', title: String(error), status: 500 }));
    });
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const timer = quiet ? null : setInterval(() => world.live(), 400);
  const stop = () => {
    clearInterval(timer);
    world.end();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, world, stop };
}

async function handle(world, request, response) {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname.startsWith('/mock/')) return command(world, url, response);
  if (world.down) return request.socket.destroy();
  if (url.pathname.startsWith('/api/')) return answer(world, request, response, url);
  page(url, response);
}

function page(url, response) {
  const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
  const file = join(ASSETS, path);
  if (!file.startsWith(ASSETS) || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Encoding': 'gzip', 'Content-Security-Policy': CSP,
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache',
  });
  response.end(gzipSync(readFileSync(file)));
}

/** `/mock/join?name=x`, `/mock/leave?name=x`, `/mock/measure?name=x&file=y&value=1`, `/mock/restart?ms=800`, ... */
function command(world, url, response) {
  const values = Object.fromEntries(url.searchParams);
  const what = url.pathname.slice('/mock/'.length);
  if (!world.commands[what]) return response.writeHead(404).end();
  world.commands[what](values);
  response.writeHead(204).end();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const hub = await start({
    port: Number(option('port', 7480)), devices: Number(option('devices', 5)),
    hostile: process.argv.includes('--hostile'), quiet: process.argv.includes('--quiet'),
  });
  console.log(`${hub.url}/#/login?token=${hub.world.token}`);
  console.log('or by name and password: ada, secret');
}
