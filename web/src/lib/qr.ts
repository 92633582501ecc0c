// QR codes (ISO/IEC 18004) of level L, alphanumeric where the text allows it, else bytes.

const CHECK_PER_BLOCK = [
  0, 7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30,
  30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const BLOCKS = [
  0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19,
  19, 20, 21, 22, 24, 25,
];
const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const LAST_VERSION = 40;

/** The modules of the code, rows of dark (true) and light; null where the text is too long. */
export function qr(text: string): boolean[][] | null {
  const content = contentOf(text);
  for (let version = 1; version <= LAST_VERSION; version += 1) {
    const words = dataWords(version);
    const bits = content.bits(version);
    if (bits.length <= words * 8) return new Drawing(version).draw(interleaved(padded(bits, words), version));
  }
  return null;
}

interface Content {
  bits(version: number): number[];
}

function contentOf(text: string): Content {
  if (/^[0-9A-Z $%*+\-./:]+$/.test(text)) return { bits: (version) => alphanumeric(text, version) };
  const data = new TextEncoder().encode(text);
  return { bits: (version) => inBytes(data, version) };
}

function alphanumeric(text: string, version: number): number[] {
  const bits: number[] = [];
  append(bits, 0b0010, 4);
  append(bits, text.length, version < 10 ? 9 : version < 27 ? 11 : 13);
  for (let at = 0; at + 1 < text.length; at += 2) {
    append(bits, ALPHANUMERIC.indexOf(text.charAt(at)) * 45 + ALPHANUMERIC.indexOf(text.charAt(at + 1)), 11);
  }
  if (text.length % 2 === 1) append(bits, ALPHANUMERIC.indexOf(text.charAt(text.length - 1)), 6);
  return bits;
}

function inBytes(data: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  append(bits, 0b0100, 4);
  append(bits, data.length, version < 10 ? 8 : 16);
  for (const byte of data) append(bits, byte, 8);
  return bits;
}

function append(bits: number[], value: number, length: number): void {
  for (let at = length - 1; at >= 0; at -= 1) bits.push((value >>> at) & 1);
}

function padded(bits: number[], words: number): number[] {
  append(bits, 0, Math.min(4, words * 8 - bits.length));
  append(bits, 0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < words * 8; pad ^= 0xec ^ 0x11) append(bits, pad, 8);
  return Array.from({ length: words }, (_, word) =>
    bits.slice(word * 8, word * 8 + 8).reduce((value, bit) => (value << 1) | bit, 0),
  );
}

/** The modules that carry data, in bits. */
function rawModules(version: number): number {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const align = Math.floor(version / 7) + 2;
    modules -= (25 * align - 10) * align - 55;
    if (version >= 7) modules -= 36;
  }
  return modules;
}

function dataWords(version: number): number {
  return Math.floor(rawModules(version) / 8) - (CHECK_PER_BLOCK[version] ?? 0) * (BLOCKS[version] ?? 0);
}

/** The blocks with their check words, mixed as the standard says. */
function interleaved(data: number[], version: number): number[] {
  const blocks = BLOCKS[version] ?? 1;
  const check = CHECK_PER_BLOCK[version] ?? 0;
  const raw = Math.floor(rawModules(version) / 8);
  const short = Math.floor(raw / blocks) - check;
  const shortBlocks = blocks - (raw % blocks);
  const divisor = generator(check);
  let at = 0;
  const parts = Array.from({ length: blocks }, (_, block) => {
    const words = data.slice(at, at + short + (block < shortBlocks ? 0 : 1));
    at += words.length;
    return { words, check: remainder(words, divisor) };
  });
  const result: number[] = [];
  for (let index = 0; index <= short; index += 1) {
    for (const part of parts) if (index < part.words.length) result.push(part.words[index] ?? 0);
  }
  for (let index = 0; index < check; index += 1) for (const part of parts) result.push(part.check[index] ?? 0);
  return result;
}

/** Product in GF(2^8) modulo 0x11d. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> bit) & 1) * a;
  }
  return product;
}

function generator(degree: number): number[] {
  const result = Array<number>(degree).fill(0);
  result[degree - 1] = 1;
  let root = 1;
  for (let round = 0; round < degree; round += 1) {
    for (let index = 0; index < degree; index += 1) {
      result[index] = times(result[index] ?? 0, root) ^ (result[index + 1] ?? 0);
    }
    root = times(root, 2);
  }
  return result;
}

function remainder(words: number[], divisor: number[]): number[] {
  const result = Array<number>(divisor.length).fill(0);
  for (const word of words) {
    const factor = word ^ (result.shift() ?? 0);
    result.push(0);
    divisor.forEach((value, index) => (result[index] = (result[index] ?? 0) ^ times(value, factor)));
  }
  return result;
}

const MASKS: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** The square while it is drawn. */
class Drawing {
  private readonly size: number;
  private readonly dark: boolean[][];
  /** Modules that carry no data. */
  private readonly fixed: boolean[][];

  constructor(private readonly version: number) {
    this.size = version * 4 + 17;
    const square = () => Array.from({ length: this.size }, () => Array<boolean>(this.size).fill(false));
    this.dark = square();
    this.fixed = square();
  }

  draw(words: number[]): boolean[][] {
    this.patterns();
    this.data(words);
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    MASKS.forEach((_, mask) => {
      this.mask(mask);
      this.format(mask);
      const penalty = this.penalty();
      if (penalty < least) [least, best] = [penalty, mask];
      this.mask(mask);
    });
    this.mask(best);
    this.format(best);
    return this.dark;
  }

  private set(x: number, y: number, dark: boolean): void {
    const [row, fixed] = [this.dark[y], this.fixed[y]];
    if (!row || !fixed || x < 0 || x >= this.size) return;
    row[x] = dark;
    fixed[x] = true;
  }

  private patterns(): void {
    for (let at = 0; at < this.size; at += 1) {
      this.set(6, at, at % 2 === 0);
      this.set(at, 6, at % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [this.size - 4, 3], [3, this.size - 4]] as const) this.finder(x, y);
    const places = this.alignment();
    const last = places.length - 1;
    places.forEach((x, i) =>
      places.forEach((y, j) => {
        const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!corner) this.square(x, y, 2, (distance) => distance !== 1);
      }),
    );
    this.format(0);
    this.versionBits();
  }

  private finder(x: number, y: number): void {
    this.square(x, y, 4, (distance) => distance !== 2 && distance !== 4);
  }

  private square(x: number, y: number, reach: number, dark: (distance: number) => boolean): void {
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        this.set(x + dx, y + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }

  private alignment(): number[] {
    if (this.version === 1) return [];
    const count = Math.floor(this.version / 7) + 2;
    const step = this.version === 32 ? 26 : Math.ceil((this.version * 4 + 4) / (count * 2 - 2)) * 2;
    const places = [6];
    for (let at = this.size - 7; places.length < count; at -= step) places.splice(1, 0, at);
    return places;
  }

  /** Level L and the mask, twice. */
  private format(mask: number): void {
    const data = (0b01 << 3) | mask;
    let rest = data;
    for (let round = 0; round < 10; round += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
    const bits = ((data << 10) | rest) ^ 0x5412;
    const bit = (at: number) => ((bits >>> at) & 1) === 1;
    for (let at = 0; at <= 5; at += 1) this.set(8, at, bit(at));
    this.set(8, 7, bit(6));
    this.set(8, 8, bit(7));
    this.set(7, 8, bit(8));
    for (let at = 9; at < 15; at += 1) this.set(14 - at, 8, bit(at));
    for (let at = 0; at < 8; at += 1) this.set(this.size - 1 - at, 8, bit(at));
    for (let at = 8; at < 15; at += 1) this.set(8, this.size - 15 + at, bit(at));
    this.set(8, this.size - 8, true);
  }

  private versionBits(): void {
    if (this.version < 7) return;
    let rest = this.version;
    for (let round = 0; round < 12; round += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    const bits = (this.version << 12) | rest;
    for (let at = 0; at < 18; at += 1) {
      const dark = ((bits >>> at) & 1) === 1;
      const [a, b] = [this.size - 11 + (at % 3), Math.floor(at / 3)];
      this.set(a, b, dark);
      this.set(b, a, dark);
    }
  }

  /** In columns of two, from the lower right, up and down. */
  private data(words: number[]): void {
    let at = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (let step = 0; step < this.size; step += 1) {
        for (const x of [right, right - 1]) {
          const upward = ((right + 1) & 2) === 0;
          const y = upward ? this.size - 1 - step : step;
          const row = this.dark[y];
          if (!row || this.fixed[y]?.[x] || at >= words.length * 8) continue;
          row[x] = (((words[at >>> 3] ?? 0) >>> (7 - (at & 7))) & 1) === 1;
          at += 1;
        }
      }
    }
  }

  private mask(mask: number): void {
    const turns = MASKS[mask];
    this.dark.forEach((row, y) =>
      row.forEach((dark, x) => {
        if (!this.fixed[y]?.[x] && turns?.(x, y)) row[x] = !dark;
      }),
    );
  }

  /** How hard the code is to read: long runs, blocks, look-alikes of finders, imbalance. */
  private penalty(): number {
    let total = 0;
    const columns = this.dark.map((_, x) => this.dark.map((row) => row[x] ?? false));
    for (const line of [...this.dark, ...columns]) total += linePenalty(line);
    let darks = 0;
    this.dark.forEach((row, y) =>
      row.forEach((dark, x) => {
        if (dark) darks += 1;
        const below = this.dark[y + 1];
        if (below && x + 1 < this.size && row[x + 1] === dark && below[x] === dark && below[x + 1] === dark) total += 3;
      }),
    );
    const modules = this.size * this.size;
    return total + Math.floor(Math.abs(darks * 20 - modules * 10) / modules) * 10;
  }
}

function linePenalty(line: boolean[]): number {
  let total = 0;
  let run = 0;
  line.forEach((dark, at) => {
    run = at > 0 && line[at - 1] === dark ? run + 1 : 1;
    if (run === 5) total += 3;
    else if (run > 5) total += 1;
  });
  const text = line.map((dark) => (dark ? '1' : '0')).join('');
  for (let at = 0; at + 11 <= text.length; at += 1) {
    const part = text.slice(at, at + 11);
    if (part === '10111010000' || part === '00001011101') total += 40;
  }
  return total;
}

/** The code as one SVG path: a square of unit size for each dark module. */
export function path(modules: boolean[][]): string {
  return modules
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('');
}
