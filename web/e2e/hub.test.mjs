// The page in a real browser at the real hub, with real devices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, launch, open } from './browser.mjs';
import { RealHub } from './hub.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('from the first link to a plot of the first device', { timeout: 180_000 }, async () => {
  const hub = await RealHub.start();
  try {
    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.getByText('No device has joined yet').waitFor();
    assert.ok(!page.url().includes('token'), 'the token leaves the address');

    // A ticket, and the device that joins by it.
    await page.getByRole('link', { name: 'Add a device' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('porch-camera');
    await dialog.getByRole('button', { name: 'Make the ticket' }).click();
    await dialog.getByRole('img', { name: 'QR code' }).waitFor();
    const command = await dialog.getByRole('group', { name: 'Command that joins' }).textContent();
    const device = hub.join(/join (\S+)/.exec(command)[1]);
    await dialog.getByRole('link', { name: 'porch-camera' }).waitFor();
    await page.keyboard.press('Escape');
    const row = page.locator('.fleet-row', { hasText: 'porch-camera' });
    await row.getByText('Present', { exact: true }).first().waitFor();

    // Its data: exact, beyond what a float can hold.
    const readings = Array.from({ length: 5000 }, (_, index) => `${new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString().replace('.000', '')},${index % 97}.25`);
    readings[4000] = readings[4000].replace(/,.*/, ',9007199254740993.000000001');
    writeFileSync(join(hub.folder, 'readings.txt'), `${readings.join('\n')}\n`);
    await hub.command('data', 'upload', 'lab/temperature', 'readings.txt');
    await page.goto(`${hub.url}/#/devices/porch-camera`);
    await page.getByText('9\u2009007\u2009199\u2009254\u2009740\u2009993.000000001').first().waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByRole('link', { name: 'lab/temperature', exact: true }).click();
    await page.getByText('5\u2009000 samples').first().waitFor();
    const plot = page.locator('.u-over').first();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/r=\d+\.\.\d+/);
    const [, from, to] = /r=(\d+)\.\.(\d+)/.exec(page.url());
    const inside = readings.filter((line) => Date.parse(line.split(',')[0]) >= Number(from) && Date.parse(line.split(',')[0]) < Number(to)).map((line) => Number(line.split(',')[1]));
    const sum = inside.reduce((total, value) => total + value * 100, 0) / 100;
    const grouped = (text) => text.replace(/(\d)(?=(\d{3})+(?!\d))/g, '$1\u2009');
    await page.getByText(`${grouped(String(inside.length))} samples, ${Math.min(...inside)} to ${Math.max(...inside)}`).first().waitFor();
    const [left, right = ''] = String(sum).split('.');
    await page.getByText(`sum ${grouped(left)}${right && `.${right}`}`).first().waitFor();

    // The device leaves, and the hub starts again: the page follows without a reload.
    await page.goto(`${hub.url}/#/`);
    await row.getByText('Present', { exact: true }).first().waitFor();
    await device.leave();
    await row.getByText('Present', { exact: true }).first().waitFor({ state: 'detached' });
    await hub.restart();
    await row.waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});

test('a file on its way from device to device, and its end', { timeout: 180_000 }, async () => {
  const hub = await RealHub.start();
  try {
    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.getByText('No device has joined yet').waitFor();
    await hub.account('box', 'cam');
    hub.device('box', 'receive', '--inbox', join(hub.folder, 'inbox'));
    const row = page.locator('.fleet-row', { hasText: 'box' });
    await row.getByText('Present', { exact: true }).first().waitFor();
    await page.goto(`${hub.url}/#/transfers`);
    await page.getByText('No transfer yet').waitFor();

    // A file of a name that is no markup, too large to arrive before its first report: then its sender is stopped.
    const name = '<img src=x onerror=alert(1)>.bin';
    closeSync(openSync(join(hub.folder, name), 'w'));
    truncateSync(join(hub.folder, name), 4 * 2 ** 30);
    const sender = hub.device('cam', 'send', 'box', name);
    const file = page.locator('tr', { hasText: name });
    await page.waitForFunction(() => document.querySelector('progress')?.value > 0);
    sender.kill('SIGSTOP');
    assert.deepEqual(await axe(page), []);
    await file.getByText(/^[\d.,]+ %/).waitFor();
    const ended = once(sender, 'exit');
    sender.kill('SIGCONT');
    sender.kill('SIGINT');
    await file.getByText('Failed').waitFor();
    await file.getByText('cancelled').waitFor();
    await ended;
    // One that arrives.
    writeFileSync(join(hub.folder, 'small.bin'), 'x'.repeat(1000));
    hub.device('cam', 'send', 'box', 'small.bin');
    await page.locator('tr', { hasText: 'small.bin' }).getByText('Received').waitFor();
    await file.getByText('Failed').waitFor();
    assert.equal(await page.locator('img[src=x]').count(), 0);
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});

test('a lock-out is ended, and a token is made, used and revoked', { timeout: 120_000 }, async () => {
  const hub = await RealHub.start();
  try {
    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.getByText('No device has joined yet').waitFor();
    await page.goto(`${hub.url}/#/access`);
    await page.getByRole('button', { name: 'New account' }).click();
    await page.getByLabel('Name').fill('gate-01');
    await page.getByLabel('Password').fill('a-password-for-gate');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('link', { name: 'gate-01' }).waitFor();

    const authorization = `Basic ${Buffer.from('gate-01:wrong').toString('base64')}`;
    for (let round = 0; round < 3; round += 1) await fetch(`${hub.url}/api/v1/devices/gate-01/data`, { headers: { Authorization: authorization } });
    await page.getByRole('tab', { name: /Lock-outs/ }).click();
    const locked = page.locator('tr', { hasText: 'gate-01' });
    await locked.getByRole('button', { name: 'Unlock' }).click();
    await locked.waitFor({ state: 'detached' });

    await page.getByRole('tab', { name: /Tokens/ }).click();
    await page.getByRole('button', { name: 'New token' }).first().click();
    await page.getByLabel('Name').fill('grafana');
    await page.getByRole('button', { name: 'Make the token' }).click();
    const token = await page.getByRole('group', { name: 'Token' }).textContent();
    const used = (await fetch(`${hub.url}/api/v1/session`, { headers: { Authorization: `Bearer ${token}` } })).status;
    assert.equal(used, 200);
    await page.getByRole('button', { name: 'Done' }).click();
    const row = page.locator('tr', { hasText: 'grafana' });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
    const revoked = (await fetch(`${hub.url}/api/v1/session`, { headers: { Authorization: `Bearer ${token}` } })).status;
    assert.equal(revoked, 401);

    await page.getByRole('tab', { name: /Web logins/ }).click();
    await page.getByRole('button', { name: 'New login' }).first().click();
    await page.getByLabel('Name').fill('grace');
    await page.getByLabel('Password').fill('correct-horse-battery');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.locator('tr', { hasText: 'grace' }).waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Name').fill('grace');
    await page.getByLabel('Password').fill('correct-horse-battery');
    await page.keyboard.press('Enter');
    await page.getByRole('tablist').or(page.getByRole('heading', { name: 'Fleet' })).first().waitFor();
    assert.equal(await page.getByRole('button', { name: /^New/ }).count(), 0, 'a viewer is offered no change');
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});

/** Follows the hub's events: when it told each one, by the clock of this machine. */
async function follow(hub, token) {
  const told = [];
  const aborter = new AbortController();
  const response = await fetch(`${hub.url}/api/v1/events`, { headers: { Authorization: `Bearer ${token}` }, signal: aborter.signal });
  assert.equal(response.status, 200);
  (async () => {
    let text = '';
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const type = /^event: (.*)$/m.exec(text.slice(0, end))?.[1];
        if (type) told.push({ type, data: JSON.parse(/^data: (.*)$/m.exec(text.slice(0, end))[1]) });
        text = text.slice(end + 2);
      }
    }
  })().catch(() => {});
  return { told, end: () => aborter.abort() };
}

/** Notes in the page when a text of it was first there. It is asked 60 times a second at most, and on each change. */
const watch = (page, selector, text) => page.evaluate(([selector, text]) => new Promise((resolve) => {
  const look = () => [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(text)) && resolve(Date.now());
  if (look()) return;
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}), [selector, text]);

test('what happens is on the page within a second, and a restart of the hub leaves nothing out and nothing twice', { timeout: 300_000 }, async () => {
  const hub = await RealHub.start();
  try {
    const token = await hub.token();
    await hub.account('meter');
    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.locator('.fleet-row', { hasText: 'meter' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.evaluate(() => (globalThis.loadedOnce = true));
    const events = await follow(hub, token);
    const delays = {};
    const timed = async (name, type, seen) => {
      const at = await Promise.race([seen, new Promise((resolve, reject) => setTimeout(() => reject(new Error(`${name} is not on the page`)), 30_000).unref())]);
      for (let round = 0; round < 500 && !events.told.some((event) => event.type === type); round += 1) await new Promise((resolve) => setTimeout(resolve, 10));
      const event = events.told.findLast((event) => event.type === type);
      assert.ok(event, `${type} is told`);
      delays[name] = at - Date.parse(event.data.at);
    };

    // A ticket is used: a new row, which is lit.
    const reply = await fetch(`${hub.url}/api/v1/tickets`, { method: 'POST', body: JSON.stringify({ name: 'porch' }), headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' } });
    const { ticket } = await reply.json();
    let seen = watch(page, '.fleet-row.lit', 'porch');
    const device = hub.join(ticket);
    await timed('joined', 'joined', seen);
    const row = page.locator('.fleet-row', { hasText: 'porch' });
    await row.getByText('Present', { exact: true }).first().waitFor();

    // A device measures.
    seen = watch(page, '.fleet-row', '12.25');
    await hub.as('meter', 'PUT', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},12.25\n`);
    await timed('uploaded', 'uploaded', seen);
    seen = watch(page, '.fleet-row', '17.5');
    await hub.as('meter', 'POST', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},17.50\n`);
    await timed('samples', 'samples', seen);

    // The live tail of a plot, in a page beside it.
    const plot = await context.newPage();
    await plot.goto(`${hub.url}/#/explore?s=meter%2Ft`);
    await plot.getByText('2 samples').first().waitFor();
    seen = watch(plot, 'main', '3 samples');
    await hub.as('meter', 'POST', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},3.5\n`);
    await timed('tail', 'samples', seen);
    await plot.close();

    // Access follows what others change.
    const access = await context.newPage();
    await access.goto(`${hub.url}/#/access?tab=tokens`);
    await access.locator('tr', { hasText: 'viewer' }).or(access.locator('tr', { hasText: 'test' })).first().waitFor();
    await hub.command('token', 'add', 'elsewhere', '--role', 'viewer', '--data', join(hub.folder, 'hub'));
    await access.locator('tr', { hasText: 'elsewhere' }).waitFor();
    await access.close();

    // The device leaves.
    await device.leave();
    await row.getByText('Present', { exact: true }).first().waitFor({ state: 'detached' });
    delays.left = Date.now() - Date.parse(events.told.findLast(({ type }) => type === 'left').data.at);
    console.log('from the hub\'s commit to the page, ms:', JSON.stringify(delays));
    for (const [name, delay] of Object.entries(delays)) assert.ok(delay < 10_000, `${name}: ${delay} ms`);

    // The hub ends: the page says so. It starts again with other events, of which the page sees none.
    events.end();
    await hub.endProcess();
    await page.getByText('The connection to the hub is lost').waitFor();
    await hub.run(hub.control, hub.url.replace('http://', ''));
    await hub.as('meter', 'POST', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},99.75\n`);
    await hub.as('meter', 'PUT', 'devices/meter/data/other', '1\n2\n');
    await hub.as('meter', 'POST', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},100.75\n`);
    await page.getByText('Live', { exact: true }).waitFor();
    const meter = page.locator('.fleet-row', { hasText: 'meter' });
    await meter.getByText('100.75').waitFor();
    await meter.getByText('2 files').waitFor();
    assert.equal(await page.locator('.fleet-row').count(), 2);
    await hub.as('meter', 'POST', 'devices/meter/data/t', `${Math.floor(Date.now() / 1000)},101.75\n`);
    await meter.getByText('101.75').waitFor();
    assert.equal(await page.evaluate(() => globalThis.loadedOnce), true, 'the page was not loaded again');
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});

test('who did what: a failed login with a hostile name, a ticket, and the history of a key', { timeout: 180_000 }, async () => {
  const hub = await RealHub.start();
  try {
    const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: hub.link.slice(hub.url.length + 1) });
    await page.getByText('No device has joined yet').waitFor();
    const name = '<img src=x onerror=document.title=1>\u202e\u001b[2J';
    const refused = await fetch(`${hub.url}/api/v1/login`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Fleetlink': '1', Origin: hub.url }, body: JSON.stringify({ name, password: 'wrong' }) });
    assert.equal(refused.status, 401);
    await hub.account('cam');
    await page.goto(`${hub.url}/#/events`);
    const row = page.locator('tr', { hasText: 'Page login failed' });
    await row.waitFor({ timeout: 30_000 });
    assert.ok((await row.textContent()).includes('<img src=x'), 'the name is a text');
    assert.equal(await page.locator('td img').count(), 0);
    assert.notEqual(await page.title(), '1');
    await page.locator('tr', { hasText: 'Account added' }).getByRole('link', { name: 'cam' }).waitFor();
    await page.locator('tr', { hasText: 'Link used' }).getByText('one-time link').waitFor();
    assert.deepEqual(await axe(page), []);

    // Filtered, and saved.
    await page.getByLabel('Outcome').selectOption('refused');
    await page.locator('tr', { hasText: 'Account added' }).waitFor({ state: 'detached' });
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
    assert.equal(download.suggestedFilename(), 'fleetlink-audit.csv');

    // A device's page: its events, and the history of its key.
    await page.goto(`${hub.url}/#/devices/cam?tab=key`);
    await page.getByText('Account added').waitFor();
    assert.deepEqual(errors, []);
    await context.close();
  } finally {
    await hub.stop();
  }
});
