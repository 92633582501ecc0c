import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const hub = process.env['FLEETLINK_HUB'] ?? 'http://127.0.0.1:7480';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../crates/hub/assets',
    emptyOutDir: true,
    target: ['chrome123', 'firefox125', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: { host: '127.0.0.1', proxy: { '/api': hub, '/mock': hub } },
  test: {
    include: ['tests/**/*.test.ts'],
    isolate: false,
  },
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
} as Parameters<typeof defineConfig>[0]);
