import jsQR from 'jsqr';
import { describe, expect, it } from 'vitest';
import { qr } from '../src/lib/qr';

/** Reads the code as a camera would: three pixels a module, a white rim. */
function read(modules: boolean[][]): string | undefined {
  const scale = 3;
  const size = (modules.length + 8) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  modules.forEach((row, y) => row.forEach((dark, x) => {
    if (!dark) return;
    for (let dy = 0; dy < scale; dy += 1) for (let dx = 0; dx < scale; dx += 1) {
      const at = (((y + 4) * scale + dy) * size + (x + 4) * scale + dx) * 4;
      pixels.fill(0, at, at + 3);
    }
  }));
  return jsQR(pixels, size, size)?.data;
}

describe('a QR code', () => {
  it('is read back by another program, at every size that a ticket has', () => {
    for (const length of [1, 10, 25, 26, 77, 114, 200, 321, 468, 700, 1100]) {
      const text = `FL1${'AGT2PJ5HU6T2ODYPB4HQ6D'.repeat(60)}`.slice(0, length);
      const modules = qr(text);
      expect(modules && read(modules), `length ${length}`).toBe(text);
    }
  });
  it('has bytes where the text is not of its small alphabet', () => {
    for (const text of ['fl1agt2pj5hu6t2', 'http://hub/?x=ü&y', 'x'.repeat(300)]) expect(read(qr(text) ?? [])).toBe(text);
  });
  it('is refused where the text is too long', () => {
    expect(qr('x'.repeat(3000))).toBeNull();
  });
});
