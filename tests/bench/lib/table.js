// Tables of figures, as the benches print them.

/** The q-quantile (0 … 1) of numbers, by the nearest rank. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

export const median = (values) => quantile(values, 0.5);

/** Prints rows under a title, columns aligned; numbers get at most `digits` decimals. */
export function printTable(title, columns, rows, { digits = 2 } = {}) {
  const text = (cell) => (typeof cell === 'number' ? String(Number(cell.toFixed(digits))) : String(cell ?? '—'));
  const cells = [columns, ...rows.map((row) => row.map(text))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ');
  console.log(`\n${title}\n${line(cells[0])}\n${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  for (const row of cells.slice(1)) console.log(line(row));
}
