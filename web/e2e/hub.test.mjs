// The page in a real browser at the real hub, with real devices.
import assert from 'node:assert/strict';
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
    await row.getByText('Present').first().waitFor();

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
    await row.getByText('Present').first().waitFor();
    await device.leave();
    await row.getByText('Present').first().waitFor({ state: 'detached' });
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
    await row.getByText('Present').first().waitFor();
    await page.goto(`${hub.url}/#/transfers`);
    await page.getByText('No transfer yet').waitFor();

    // A file of a name that is no markup, so large that it takes seconds.
    const name = '<img src=x onerror=alert(1)>.bin';
    closeSync(openSync(join(hub.folder, name), 'w'));
    truncateSync(join(hub.folder, name), 2 * 2 ** 30);
    hub.device('cam', 'send', 'box', name);
    const file = page.locator('tr', { hasText: name });
    await page.waitForFunction(() => document.querySelector('progress')?.value > 0);
    assert.deepEqual(await axe(page), []);
    await file.getByText('Received').waitFor({ timeout: 120_000 });
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
