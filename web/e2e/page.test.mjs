// The page in a real browser against a played hub.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from '../mock/server.mjs';
import { HOSTILE } from '../mock/fleet.mjs';
import { axe, DESK, launch, open, PHONE } from './browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** A test with a hub of its own, which ends with it. */
function withHub(name, options, body) {
  test(name, { timeout: 120_000 }, async () => {
    const hub = await start(options);
    try {
      await body(hub);
    } finally {
      await hub.stop();
    }
  });
}

const SERIES = 's=porch-camera-01%2Ftemperature&s=greenhouse-01%2Fhumidity&s=greenhouse-01%2Ftemperature';
const VIEWS = {
  '#/': 'Fleet', '#/add': 'Add a device', '#/devices/greenhouse-01': 'greenhouse-01', '#/devices/greenhouse-01?tab=sessions': 'joined',
  '#/devices/greenhouse-01?tab=key': 'Device key', '#/devices/greenhouse-01?tab=events': 'Outcome', [`#/explore?${SERIES}`]: 'samples',
  '#/transfers': 'flight-0412', '#/events': 'Who did what', '#/access': 'Accounts', '#/access?tab=tickets': 'beehive-',
  '#/access?tab=tokens': 'prometheus', '#/access?tab=lockouts': 'Unlock', '#/access?tab=penalties': '203.0.113.7', '#/access?tab=logins': 'ada', '#/access?tab=rules': 'gate-*', '#/hub': 'Limits',
};

for (const [look, options] of Object.entries({ light: {}, dark: { dark: true }, phone: { viewport: PHONE, touch: true } })) {
  withHub(`every view is whole, accessible and silent: ${look}`, { devices: 12 }, async (hub) => {
    const { page, context, errors } = await open(browser, hub, options);
    for (const [path, text] of Object.entries(VIEWS)) {
      await page.goto('about:blank');
      await page.goto(`${hub.url}/${path}`);
      await page.getByText(text).first().waitFor({ state: 'attached' });
      await page.waitForTimeout(100);
      // Colours alone differ between light and dark.
      assert.deepEqual(await axe(page, look === 'dark' ? ['color-contrast'] : null), [], `${path} ${look}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
    }
    assert.deepEqual(errors, []);
    await context.close();
  });
}

withHub('every list of an empty hub says what to do', { devices: 0 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  const empty = {
    '#/': 'No device has joined yet', '#/explore': 'Choose what to plot', '#/transfers': 'No transfer yet', '#/events': 'Nothing has happened yet',
    '#/access': 'No account yet', '#/access?tab=tickets': 'No ticket yet', '#/access?tab=tokens': 'No token yet',
    '#/access?tab=lockouts': 'Nobody is locked out', '#/access?tab=penalties': 'No client network has a penalty', '#/access?tab=rules': 'No rule yet', '#/nowhere': 'leads nowhere',
  };
  for (const [path, text] of Object.entries(empty)) {
    await page.goto(`${hub.url}/${path}`);
    await page.getByText(text).first().waitFor();
    assert.deepEqual(await axe(page), [], path);
  }
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a one-time link logs in, and its token leaves the address and the history', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: '#/login?token=one-time' });
  await page.getByRole('heading', { name: 'Fleet' }).waitFor();
  assert.ok(!page.url().includes('token'));
  await page.goBack().catch(() => null);
  assert.ok(!page.url().includes('token'));
  // The link works once.
  const second = await open(browser, hub, { loggedIn: false, path: '#/login?token=one-time' });
  await second.page.getByText('this link was used').waitFor();
  assert.ok(!second.page.url().includes('token'));
  assert.deepEqual([...errors, ...second.errors], []);
  await context.close();
  await second.context.close();
});

withHub('a name and a password log in, and the view that was wanted opens', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { loggedIn: false, path: '#/hub' });
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('the name or the password is wrong').waitFor();
  await page.getByLabel('Password').fill('secret');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Hub', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in to this hub' }).waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a device joins, measures and leaves before the viewer’s eyes', { devices: 4 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  await page.getByText('porch-camera-01').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  hub.world.join('newcomer');
  const row = page.locator('.fleet-row', { hasText: 'newcomer' });
  await row.getByText('joined', { exact: true }).waitFor();
  hub.world.measure('newcomer', 'temperature', 21.75);
  await row.getByText('21.75').waitFor();
  hub.world.leave('newcomer');
  await row.getByText('now').or(row.getByText('s ago')).waitFor();
  assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation').length), 1);
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a ticket is issued with its code and command, and says who joined by it', { devices: 2 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  await page.getByRole('link', { name: 'Add a device' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('no such <name>');
  await dialog.getByRole('button', { name: 'Make the ticket' }).click();
  await dialog.getByText('a name is made of letters').waitFor();
  await dialog.getByRole('textbox').fill('gate-10');
  await dialog.getByRole('button', { name: 'Make the ticket' }).click();
  await dialog.getByRole('img', { name: 'QR code' }).waitFor();
  await dialog.getByText('fleetlink join fl1').waitFor();
  await dialog.getByText('curl -u gate-10').waitFor();
  await dialog.getByText('Waiting for the device').waitFor();
  assert.deepEqual(await axe(page), []);
  hub.world.join('gate-10');
  await dialog.getByRole('link', { name: 'gate-10' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.fleet-row', { hasText: 'gate-10' }).getByText('joined').waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a transfer is followed while it runs', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/transfers' });
  const row = page.locator('tr', { hasText: 'film.mp4' });
  const film = { id: 'x', from: 'uav-01', to: 'porch-camera-01', name: 'film.mp4', bytes: 1000 };
  await page.getByText('flight-0412').waitFor();
  hub.world.transfer({ ...film, done: 100 });
  await row.getByText('10 %').waitFor();
  hub.world.transfer({ ...film, done: 999 });
  await row.getByText('99 %').waitFor();
  hub.world.transfer({ ...film, done: 1000, state: 'finished' });
  await row.getByText('Received').waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a lock-out shows up, and is ended', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/access?tab=lockouts' });
  await page.getByText('porch-camera-01').waitFor();
  hub.world.lock('uav-01');
  const row = page.locator('tr', { hasText: 'uav-01' });
  await row.getByRole('button', { name: 'Unlock' }).click();
  await row.waitFor({ state: 'detached' });
  assert.deepEqual(hub.world.lockouts.map(({ device }) => device), ['porch-camera-01', 'login/ada']);
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a token is made, shown once, and revoked', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/access?tab=tokens' });
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByLabel('Name').fill('grafana');
  await page.getByRole('button', { name: 'Make the token' }).click();
  await page.getByText(/^flt_[0-9a-f]{64}$/).waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  const row = page.locator('tr', { hasText: 'grafana' });
  await row.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await row.waitFor({ state: 'detached' });
  assert.equal(hub.world.tokens.length, 1);
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a quota and a retention are set and removed, and those of the options stay', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/access?tab=rules' });
  const set = async (kind, pattern, label, amount) => {
    await page.getByRole('button', { name: 'New rule' }).first().click();
    const dialog = page.getByRole('dialog');
    assert.deepEqual(await axe(page), [], kind);
    await dialog.getByLabel('Rule').selectOption(kind);
    await dialog.locator('input').first().fill(pattern);
    await dialog.getByLabel(label, { exact: true }).last().fill(String(amount));
    await dialog.getByRole('button', { name: 'Set the rule' }).click();
  };
  await set('quota', 'porch-*', 'Size', 2);
  const row = page.locator('tr', { hasText: 'porch-*' });
  await row.waitFor();
  await set('retain', 'log/*', 'Days', 30);
  await page.locator('tr', { hasText: '30 days' }).waitFor();
  const mine = hub.world.rules.filter(({ origin }) => origin === 'set').map(({ kind, pattern, value }) => [kind, pattern, value]);
  assert.deepEqual(mine, [['retain', 'log/*', 2_592_000], ['quota', 'porch-*', 2 ** 31]]);
  // A refusal is told in the dialog.
  await set('quota', 'a b', 'Size', 1);
  await page.getByText('a pattern is made of').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await page.locator('tr', { hasText: 'gate-*' }).getByRole('button').count(), 0);
  await row.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await row.waitFor({ state: 'detached' });
  assert.deepEqual(errors.filter((error) => !error.includes('400')), []);
  await context.close();
});

withHub('a device is removed with its data, after a question', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/devices/uav-01' });
  await page.getByRole('button', { name: 'Remove' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.ok(hub.world.devices.has('uav-01'));
  await page.getByRole('button', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('of 2 devices').waitFor();
  assert.ok(!hub.world.devices.has('uav-01'));
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a login of a person is added, and removed', { devices: 1 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/access?tab=logins' });
  await page.getByRole('button', { name: 'New login' }).click();
  await page.getByLabel('Name').fill('grace');
  await page.getByLabel('May').selectOption('administrator');
  await page.getByLabel('Password').fill('long enough');
  await page.getByRole('button', { name: 'Add' }).click();
  const row = page.locator('tr', { hasText: 'grace' });
  await row.getByText('administrator').waitFor();
  await row.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await row.waitFor({ state: 'detached' });
  assert.deepEqual(hub.world.logins.map(({ name }) => name), ['ada', 'wall']);
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a lost connection is told, and heals by itself with all that was missed', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  await page.getByText('Live', { exact: true }).waitFor();
  hub.world.restart(2500);
  await page.getByText('The connection to the hub is lost').waitFor();
  assert.deepEqual(await axe(page), []);
  hub.world.join('meanwhile');
  await page.getByText('meanwhile').waitFor();
  await page.getByText('The connection to the hub is lost').waitFor({ state: 'detached' });
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a reset loads all again', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  await page.getByText('porch-camera-01').waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  hub.world.devices.delete('porch-camera-01');
  hub.world.tell('reset', {});
  await page.getByText('porch-camera-01').waitFor({ state: 'detached' });
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a login that ends leads back to the login', { devices: 3 }, async (hub) => {
  const { page, context } = await open(browser, hub);
  await page.getByText('porch-camera-01').waitFor();
  hub.world.sessions.clear();
  // The page may have noticed by itself already.
  await page.goto(`${hub.url}/#/transfers`);
  await page.getByRole('heading', { name: 'Log in to this hub' }).waitFor();
  await context.close();
});

withHub('a viewer reads, and is offered nothing that changes', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { loggedIn: false });
  await page.getByLabel('Name').fill('wall');
  await page.getByLabel('Password').fill('secret');
  await page.keyboard.press('Enter');
  await page.getByText('porch-camera-01').waitFor();
  assert.equal(await page.getByText('Add a device').count(), 0);
  for (const path of ['#/access', '#/access?tab=tickets', '#/access?tab=lockouts', '#/devices/uav-01', '#/devices/uav-01?tab=sessions']) {
    await page.goto(`${hub.url}/${path}`);
    await page.getByRole('tablist').waitFor();
    await page.waitForTimeout(300);
    assert.equal(await page.getByRole('button', { name: /^(Revoke|Unlock|Remove|Delete|End|Set password|New)/ }).count(), 0, path);
  }
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('a drag zooms the plots together, the address keeps it, and the figures are exact', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: `#/explore?${SERIES}&r=now-7d` });
  const plots = page.locator('.u-over');
  await plots.nth(2).waitFor();
  const box = await plots.nth(0).boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
  // The cursor of one plot is the cursor of all.
  await page.waitForFunction(() => [...document.querySelectorAll('.u-cursor-x')].filter((one) => /translate\([1-9]/.test(one.style.transform)).length >= 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 6 });
  await page.mouse.up();
  await page.waitForURL(/r=\d+\.\.\d+/);
  const [, from, to] = /r=(\d+)\.\.(\d+)/.exec(page.url());
  assert.ok(Math.abs((to - from) / (7 * 86_400_000) - 0.2) < 0.02, `${to - from} ms`);
  const reply = await context.request.get(`${hub.url}/api/v1/devices/porch-camera-01/data/temperature/summary?from=${from}&to=${to}`);
  const exact = await reply.json();
  const grouped = (text) => text.replace(/(\d)(?=(\d{3})+(?!\d))/g, '$1\u2009');
  await page.getByText(`${grouped(String(exact.count))} samples, ${exact.min} to ${exact.max}`).first().waitFor();
  // The same address shows the same plots.
  const url = page.url();
  await page.goto('about:blank');
  await page.goto(url);
  await page.getByText(`${exact.min} to ${exact.max}`).first().waitFor();
  const csv = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  assert.equal((await csv).suggestedFilename(), 'temperature.csv');
  const png = page.waitForEvent('download');
  await page.getByRole('button', { name: 'PNG' }).click();
  assert.equal((await png).suggestedFilename(), 'temperature.png');
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('the live tail shows a sample as it arrives', { devices: 3 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { path: '#/explore?s=porch-camera-01%2Ftemperature&r=now-15m' });
  await page.getByText('samples,').waitFor();
  hub.world.measure('porch-camera-01', 'temperature', 4711.25);
  await page.getByText('to 4\u2009711.25').waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('five thousand rows stay few elements, and are found by search and keys', { devices: 5000 }, async (hub) => {
  const { page, context, errors } = await open(browser, hub);
  await page.getByText('of 5\u2009000 devices').waitFor();
  const rows = () => page.locator('.fleet-row').count();
  assert.ok((await rows()) < 60);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight / 2));
  await page.locator('.fleet-row[data-index="2500"]').waitFor();
  assert.ok((await rows()) < 60);
  await page.keyboard.press('/');
  await page.keyboard.type('beehive-321');
  await page.locator('.fleet-row', { hasText: 'beehive-321' }).waitFor();
  assert.equal(await rows(), 1);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Absent/ }).click();
  await page.waitForURL(/state=absent/);
  await page.getByRole('columnheader', { name: 'Data', exact: true }).getByRole('button').click();
  await page.waitForURL(/sort=bytes/);
  await page.getByRole('searchbox').focus();
  await page.keyboard.press('ArrowDown');
  await page.locator('.fleet-row[data-index="0"] a:focus').first().waitFor();
  await page.keyboard.press('End');
  await page.locator('.fleet-row[data-index="999"] a:focus').first().waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});

withHub('hostile names are text in every view', { devices: 14, hostile: true }, async (hub) => {
  const { page, context, errors } = await open(browser, hub, { viewport: DESK });
  const names = HOSTILE.map(encodeURIComponent);
  const views = ['#/', '#/transfers', '#/events', '#/access', '#/access?tab=tokens', '#/access?tab=lockouts', '#/access?tab=rules', ...names.flatMap((name) => [`#/devices/${name}`, `#/devices/${name}?tab=key`]),
    `#/explore?${HOSTILE.slice(0, 8).map((name) => `s=${encodeURIComponent(`${encodeURIComponent(name)}/temperature`)}`).join('&')}&view=together`];
  for (const path of views) {
    await page.goto('about:blank');
    await page.goto(`${hub.url}/${path}`);
    await page.locator('h1').waitFor();
    await page.waitForTimeout(250);
    const found = await page.evaluate(() => ({
      elements: document.querySelectorAll('img, iframe, object, main script, body script').length,
      hacked: globalThis.hacked ?? null,
      // eslint-disable-next-line no-control-regex
      unseen: /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(document.body.textContent + document.title + [...document.querySelectorAll('[title],[aria-label]')].map((one) => one.title + one.ariaLabel).join('')),
    }));
    assert.deepEqual(found, { elements: 0, hacked: null, unseen: false }, path);
  }
  await page.goto(`${hub.url}/#/`);
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});
