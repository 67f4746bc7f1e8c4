// What a figure has to reach. A bench in which one does not ends with exit code 1.

/** Prints whether a figure keeps within its bar: `most` it may be, or `least`. */
export function checkBar(name, figure, { most = Infinity, least = -Infinity }) {
  const isMet = figure <= most && figure >= least;
  const bounds = [least > -Infinity && `≥ ${least}`, most < Infinity && `≤ ${most}`].filter(Boolean).join(', ');
  console.log(`bar: ${name} ${Number(figure.toFixed(3))} (${bounds}) ${isMet ? 'met' : 'MISSED'}`);
  if (!isMet) process.exitCode = 1;
}
