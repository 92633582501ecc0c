// Builds the page, always with the same bytes: `npm run build [-- --to FOLDER]`.
import { build } from 'vite';

process.env.NODE_ENV = 'production';
const at = process.argv.indexOf('--to');
const outDir = at > 0 ? process.argv[at + 1] : undefined;
await build({ logLevel: 'warn', ...(outDir ? { build: { outDir, emptyOutDir: true } } : {}) });
