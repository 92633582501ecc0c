// The page's addresses, all behind `#`: `#/devices/porch?tab=data`.

export interface Route {
  /** The decoded segments. */
  path: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#?\/?/, '');
  const mark = text.indexOf('?');
  const path = mark < 0 ? text : text.slice(0, mark);
  return {
    path: path.split('/').filter((segment) => segment !== '').map(decoded),
    query: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)),
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export type Values = Record<string, string | string[] | null | undefined>;

/** The address of a view; values that are empty are left out. */
export function href(path: string[], values: Values = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    const many = Array.isArray(value) ? value : [value];
    for (const one of many) if (one !== null && one !== undefined && one !== '') query.append(name, one);
  }
  const text = query.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

/** A data file of a device. */
export interface Series {
  device: string;
  file: string;
}

/** A series as one value of an address. A device's name has no `/` in it once it is encoded. */
export function seriesText({ device, file }: Series): string {
  return `${encodeURIComponent(device)}/${file}`;
}

/** What no name may be, for browsers take it for a step in a path. */
export function isDots(text: string): boolean {
  return text === '.' || text === '..';
}

export function parseSeries(text: string): Series | null {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1) return null;
  const series = { device: decoded(text.slice(0, slash)), file: text.slice(slash + 1) };
  return isDots(series.device) || isDots(series.file) ? null : series;
}
