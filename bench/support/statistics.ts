/** The middle value. @throws Error if there is none. */
export function median(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  if (middle === undefined) throw new Error('median of nothing');
  return middle;
}

/** `median (lowest–highest)`. */
export function spread(values: readonly number[], digits: number): string {
  const format = (value: number): string => value.toFixed(digits);
  return `${format(median(values))} (${format(Math.min(...values))}–${format(Math.max(...values))})`;
}
