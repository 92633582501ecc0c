import { describe, expect, it } from 'vitest';

const SOURCES = import.meta.glob<string>('../src/**/*.{svelte,ts}', { query: '?raw', import: 'default', eager: true });
const files = Object.keys(SOURCES);
const content = (name: string) => SOURCES[name] ?? '';

describe('the sources', () => {
  it('are found', () => {
    expect(files.length).toBeGreaterThan(40);
  });
  it('never make markup of a text', () => {
    const found = files.filter((name) => /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc/.test(content(name)));
    expect(found).toEqual([]);
  });
  it('run no text as a program, and style no element by an attribute that the policy blocks', () => {
    const found = files.filter((name) => /\beval\(|new Function\(|\bstyle="|javascript:/.test(content(name)));
    expect(found).toEqual([]);
  });
  it('show no field of a device without escaping its invisible characters', () => {
    // `{device.name}` and the like as a text node: <Name> or shown() belongs around it.
    const raw = /[>}\s]\{(?:device|file|transfer|account|token|ticket|lockout|event|one|session|login)\.(?:name|prefix|device|file|reason|detail|action|address|network|fingerprint|from|to)\}/;
    const found = files.filter((name) => name.endsWith('.svelte') && raw.test(content(name)));
    expect(found).toEqual([]);
  });
  it('ask nobody but the hub', () => {
    const found = files.filter((name) => /https?:\/\/(?!www\.w3\.org)/.test(content(name)));
    expect(found).toEqual([]);
  });
});
