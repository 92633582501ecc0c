// Tells the compressed size of the built page, and fails above the limit.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 150 * 1024;
const root = process.argv[2] ?? new URL('../../crates/hub/assets', import.meta.url).pathname;
let total = 0;
for (const file of readdirSync(root, { recursive: true }).sort()) {
  const path = join(root, file);
  if (!statSync(path).isFile()) continue;
  const size = gzipSync(readFileSync(path), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  compressed, of at most ${LIMIT}`);
if (total > LIMIT) process.exit(1);
