// How alike two pictures are to an eye: SSIM of Wang, Bovik, Sheikh and Simoncelli (2004), mean over windows of 8×8.
const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];

/** 1: the same. Two buffers of 8-bit luma. */
export function ssim(a, b, width, height) {
  let total = 0;
  let windows = 0;
  for (let y = 0; y + 8 <= height; y += 8)
    for (let x = 0; x + 8 <= width; x += 8) {
      total += windowSsim(a, b, y * width + x, width);
      windows += 1;
    }
  return total / windows;
}

function windowSsim(a, b, start, width) {
  let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0];
  for (let row = 0; row < 8; row++)
    for (let at = start + row * width, end = at + 8; at < end; at++) {
      const [p, q] = [a[at], b[at]];
      sumA += p;
      sumB += q;
      squareA += p * p;
      squareB += q * q;
      product += p * q;
    }
  const [meanA, meanB] = [sumA / 64, sumB / 64];
  const [varianceA, varianceB, covariance] = [squareA / 64 - meanA * meanA, squareB / 64 - meanB * meanB, product / 64 - meanA * meanB];
  return ((2 * meanA * meanB + c1) * (2 * covariance + c2)) / ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2));
}
