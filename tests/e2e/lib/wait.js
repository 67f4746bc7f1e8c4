// Waiting on conditions, each wait with a deadline.

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `condition` until it gives something truthy, and returns that. A thrown error counts as "not yet". */
export async function waitFor(what, condition, { within = 60_000, every = 50 } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      throw new Error(`waited ${within} ms in vain for ${what}${last ? `: ${last.message}` : ''}`);
    }
    await pause(every);
  }
}

/** Rejects when `promise` takes longer than `ms`. */
export async function deadline(what, promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
