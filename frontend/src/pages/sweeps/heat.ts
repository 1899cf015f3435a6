/** How good each cell is among all: 1 the best, 0 the worst, null for none. Only for colours, so floats will do. */
export function strengths(cells: readonly (readonly (string | null)[])[], lowerIsBetter: boolean): readonly (readonly (number | null)[])[] {
  const numbers = cells.map((row) => row.map((cell) => (cell === null || cell === "" ? null : Number(cell))));
  const found = numbers.flat().filter((value): value is number => value !== null && Number.isFinite(value));
  const [low, high] = [Math.min(...found), Math.max(...found)];
  const strength = (value: number | null): number | null => {
    if (value === null || !Number.isFinite(value)) return null;
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return lowerIsBetter ? 1 - share : share;
  };
  return numbers.map((row) => row.map(strength));
}
