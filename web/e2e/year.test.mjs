// Ten million samples of a year in a real browser at the real hub: zoomed by the mouse from the year to
// about a minute. All that is plotted is compared with values that the test computes itself. It takes
// minutes, so it is run by hand: npm run e2e:year.
import assert from 'node:assert/strict';
import { closeSync, openAsBlob, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.mjs';
import { RealHub } from './hub.mjs';

const COUNT = Number(process.env.SAMPLES ?? 10_000_000);
const YEAR = 365 * 86_400_000;
const START = Date.UTC(2025, 0, 1);
/** Of a sample: its time in milliseconds, and its value in hundredths. */
const time = (index) => START + Math.floor((index * YEAR) / COUNT);
const hundredths = (index) => ((index * 7919) % 100_003) - 50_000;

/** The first sample at this time or later. */
function at(moment) {
  let index = Math.min(COUNT, Math.max(0, Math.floor(((moment - START) * COUNT) / YEAR) - 2));
  while (index < COUNT && time(index) < moment) index += 1;
  return index;
}

function write(path) {
  const file = openSync(path, 'w');
  for (let from = 0; from < COUNT; from += 100_000) {
    let text = '';
    for (let index = from; index < Math.min(COUNT, from + 100_000); index += 1) {
      const [ms, value] = [time(index), hundredths(index)];
      const [sign, size] = [value < 0 ? '-' : '', Math.abs(value)];
      text += `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')},${sign}${Math.floor(size / 100)}.${String(size % 100).padStart(2, '0')}\n`;
    }
    writeSync(file, text);
  }
  closeSync(file);
}

/** Each column has the samples from its first to the next one's: exactly these, with their values. */
function check(points, from, to, width) {
  const columns = points.t.length;
  assert.ok(columns > 0 && columns <= width, `${columns} columns of ${width}`);
  const [first, end] = [from === null ? 0 : at(from), to === null ? COUNT : at(to)];
  let index = first;
  for (let column = 0; column < columns; column += 1) {
    assert.equal(points.t[column], time(index), `column ${column}`);
    let [min, max, sum] = [Infinity, -Infinity, 0];
    const next = index + points.count[column];
    for (; index < next; index += 1) {
      const value = hundredths(index);
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
    }
    assert.equal(points.min[column], min / 100, `min of column ${column}`);
    assert.equal(points.max[column], max / 100, `max of column ${column}`);
    const mean = sum / 100 / points.count[column];
    assert.ok(Math.abs(points.mean[column] - mean) <= 1e-9 * Math.max(1, Math.abs(mean)), `mean of column ${column}`);
  }
  assert.equal(index, end, 'all samples are in a column');
  return end - first;
}

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('from a year to a minute of ten million samples', { timeout: 900_000 }, async () => {
  const hub = await RealHub.start();
  try {
    await hub.account('meter');
    const path = join(hub.folder, 'year.txt');
    write(path);
    const begun = Date.now();
    await hub.as('meter', 'PUT', 'devices/meter/data/t', await openAsBlob(path));
    console.log(`${COUNT} samples uploaded in ${Date.now() - begun} ms`);

    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.locator('.fleet-row', { hasText: 'meter' }).waitFor();
    const asked = [];
    page.on('response', (response) => {
      if (response.url().includes('/points') && response.url().includes('width') && !response.url().includes('width=32')) asked.push(response);
    });
    const grouped = (number) => String(number).replace(/(\d)(?=(\d{3})+(?!\d))/g, '$1\u2009');
    const shown = async () => {
      const last = asked.at(-1);
      const query = new URL(last.url()).searchParams;
      const number = (name) => (query.get(name) === null ? null : Number(query.get(name)));
      return check(await last.json(), number('from'), number('to'), number('width'));
    };
    await page.goto(`${hub.url}/#/explore?s=meter%2Ft&r=all`);
    await page.getByText(`${grouped(COUNT)} samples`).first().waitFor();
    assert.equal(await shown(), COUNT);

    const steps = [];
    for (let step = 0; step < 4; step += 1) {
      const box = await page.locator('.u-over').first().boundingBox();
      const before = asked.length;
      await page.mouse.move(box.x + box.width * 0.45, box.y + 30);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * (0.45 + 1 / 27), box.y + 60, { steps: 4 });
      const dragged = Date.now();
      await page.mouse.up();
      await page.waitForURL((url) => !steps.some(({ url: old }) => old === String(url)) && /r=\d+\.\.\d+/.test(String(url)));
      const [, from, to] = /r=(\d+)\.\.(\d+)/.exec(page.url());
      const count = at(Number(to)) - at(Number(from));
      await page.getByText(`${grouped(count)} samples`).first().waitFor();
      const plotted = Date.now() - dragged;
      assert.ok(asked.length > before, 'points are asked for');
      assert.equal(await shown(), count);
      steps.push({ url: page.url(), seconds: Math.round((to - from) / 1000), samples: count, ms: plotted });
    }
    console.log('from the drag to the plot:', JSON.stringify(steps.map(({ seconds, samples, ms }) => ({ seconds, samples, ms }))));
    const last = steps.at(-1);
    assert.ok(last.seconds > 20 && last.seconds < 200 && last.samples > 5, `${last.seconds} s`);
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});
