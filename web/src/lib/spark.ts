// A sparkline as the points of one SVG path, in a box of 0..width by 0..height.

export function path(values: readonly number[], width: number, height: number): string {
  const finite = values.filter((value) => Number.isFinite(value));
  if (finite.length < 2) return '';
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const scale = high === low ? 0 : (height - 2) / (high - low);
  const step = width / (finite.length - 1);
  return finite
    .map((value, index) => {
      const y = scale === 0 ? height / 2 : height - 1 - (value - low) * scale;
      return `${index === 0 ? 'M' : 'L'}${round(index * step)} ${round(y)}`;
    })
    .join('');
}

const round = (value: number) => Math.round(value * 10) / 10;
