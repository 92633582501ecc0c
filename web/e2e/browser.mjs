// A browser for the tests: Debian's chromium, and a page that fails its test at the first error.
import { existsSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function launch() {
  const executablePath = CANDIDATES.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no chromium found: apt-get install chromium, or set CHROMIUM');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
}

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1440, height: 900 };

/** Messages of the browser's own about answers that a test provokes. */
const EXPECTED = /Failed to load resource|net::ERR_/;

/** A page at the hub; `errors` collects what went wrong in it. */
export async function open(browser, hub, { viewport = DESK, dark = false, path = '#/', loggedIn = true, touch = false } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: dark ? 'dark' : 'light', reducedMotion: 'no-preference', hasTouch: touch, bypassCSP: false, acceptDownloads: true, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const errors = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !EXPECTED.test(message.text())) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  if (loggedIn) {
    const reply = await context.request.post(`${hub.url}/api/v1/login`, { data: { name: 'ada', password: 'secret' }, headers: { 'X-Fleetlink': '1', Origin: hub.url } });
    if (!reply.ok()) throw new Error(`login: ${reply.status()}`);
  }
  await page.goto(`${hub.url}/${path}`);
  return { page, context, errors };
}

/** The serious findings of axe, of what stands when nothing moves any more. It is evaluated by the debugger, which the policy does not bind. */
export async function axe(page, rules = null) {
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter(({ effect }) => effect.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished)));
  await page.evaluate(AXE);
  const result = await page.evaluate((runOnly) => globalThis.axe.run(document, { resultTypes: ['violations'], ...(runOnly ? { runOnly } : {}) }), rules);
  return result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}
