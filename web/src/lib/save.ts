// Saves what the page made as a file of the person's.

export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function saveText(name: string, text: string, type: string): void {
  save(name, new Blob([text], { type: `${type};charset=utf-8` }));
}

export interface Picture {
  title: string;
  names: { text: string; colour: string }[];
  canvas: HTMLCanvasElement;
}

const MARGIN = 16;
const HEAD = 48;

/** The plots under each other as one PNG, each with its names. */
export async function png(pictures: readonly Picture[], background: string, ink: string): Promise<Blob | null> {
  const ratio = devicePixelRatio || 1;
  const width = Math.max(...pictures.map(({ canvas }) => canvas.width / ratio), 320) + 2 * MARGIN;
  const height = pictures.reduce((sum, { canvas }) => sum + canvas.height / ratio + HEAD, MARGIN);
  const sheet = document.createElement('canvas');
  sheet.width = Math.round(width * ratio);
  sheet.height = Math.round(height * ratio);
  const context = sheet.getContext('2d');
  if (!context) return null;
  context.scale(ratio, ratio);
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  context.font = '13px system-ui, sans-serif';
  context.textBaseline = 'middle';
  let y = MARGIN;
  for (const { title, names, canvas } of pictures) {
    let x = MARGIN;
    for (const { text, colour } of names) {
      context.fillStyle = colour;
      context.fillRect(x, y + 10, 12, 4);
      context.fillStyle = ink;
      context.fillText(text, x + 20, y + 12);
      x += 44 + context.measureText(text).width;
    }
    context.fillStyle = ink;
    context.globalAlpha = 0.7;
    context.fillText(title, MARGIN, y + 32);
    context.globalAlpha = 1;
    y += HEAD;
    context.drawImage(canvas, MARGIN, y, canvas.width / ratio, canvas.height / ratio);
    y += canvas.height / ratio;
  }
  return new Promise((resolve) => sheet.toBlob(resolve, 'image/png'));
}
