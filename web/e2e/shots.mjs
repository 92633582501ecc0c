// Takes pictures of the views for a person to look at: `node e2e/shots.mjs [FOLDER]`.
import { mkdirSync } from 'node:fs';
import { start } from '../mock/server.mjs';
import { DESK, launch, open, PHONE } from './browser.mjs';

const folder = process.argv[2] ?? 'shots';
const only = process.argv[3];
mkdirSync(folder, { recursive: true });
const SERIES = 's=porch-camera-01%2Ftemperature&s=greenhouse-01%2Ftemperature&s=greenhouse-01%2Fhumidity';
const VIEWS = {
  fleet: '#/', add: '#/add', device: '#/devices/greenhouse-01', explore: `#/explore?${SERIES}`, together: `#/explore?${SERIES}&view=together&r=now-7d`,
  transfers: '#/transfers', events: '#/events', access: '#/access', tickets: '#/access?tab=tickets', hub: '#/hub', key: '#/devices/greenhouse-01?tab=key',
};
const browser = await launch();
const hub = await start({ devices: 40 });
const shoot = async (hub, name, path, options, act) => {
  if (only && !name.includes(only)) return;
  const { page, context, errors } = await open(browser, hub, { path, ...options });
  await page.waitForTimeout(1200);
  if (act) await act(page);
  await page.screenshot({ path: `${folder}/${name}.png` });
  if (errors.length > 0) console.log(name, errors);
  await context.close();
};
// The picture of README.md.
await shoot(hub, 'readme', `#/explore?${SERIES.replace('&s=greenhouse-01%2Fhumidity', '')}`, { viewport: { width: 1200, height: 680 } });
await shoot(hub, 'login', '#/login', { loggedIn: false });
for (const [name, path] of Object.entries(VIEWS)) {
  await shoot(hub, `${name}-light`, path, { viewport: DESK });
  if (['fleet', 'device', 'explore', 'hub', 'add'].includes(name)) await shoot(hub, `${name}-dark`, path, { viewport: DESK, dark: true });
  if (['fleet', 'device', 'explore', 'transfers', 'access', 'hub'].includes(name)) await shoot(hub, `${name}-phone`, path, { viewport: PHONE, touch: true });
}
await shoot(hub, 'ticket-light', '#/add', {}, async (page) => {
  await page.fill('dialog input:not([type=radio])', 'gate-10');
  await page.click('dialog .button.primary');
  await page.waitForTimeout(600);
});
await hub.stop();
const none = await start({ devices: 0 });
await shoot(none, 'empty-light', '#/', {});
await shoot(none, 'empty-phone', '#/', { viewport: PHONE, dark: true });
await none.stop();
const many = await start({ devices: 5000, hostile: true });
await shoot(many, 'many-light', '#/', {}, async (page) => {
  await page.evaluate(() => scrollTo(0, 100_000));
  await page.waitForTimeout(1500);
});
await shoot(many, 'hostile-light', '#/?sort=-name', {});
await many.stop();
await browser.close();
