// Takes the OpenAPI document of a running hub: `npm run openapi -- http://127.0.0.1:7480`.
// What the hub offers by now leaves planned.json.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const hub = process.argv[2];
if (!hub) {
  console.error('npm run openapi -- URL of a hub, as http://127.0.0.1:7480');
  process.exit(1);
}
const root = new URL('..', import.meta.url);
const write = (name, document) => writeFileSync(new URL(name, root), `${JSON.stringify(document, null, 1)}\n`);

const response = await fetch(new URL('/api/v1/openapi.json', hub));
if (!response.ok) throw new Error(`${hub} answered ${response.status}`);
const document = await response.json();
write('openapi.json', document);

const planned = JSON.parse(readFileSync(new URL('planned.json', root), 'utf8'));
for (const path of Object.keys(planned.paths)) if (path in document.paths) delete planned.paths[path];
write('planned.json', planned);
execFileSync(process.execPath, [new URL('types.mjs', import.meta.url).pathname], { stdio: 'inherit' });
