import { backoffMs, type Backoff } from '../lib/backoff.ts';

/* Why there is no connection. `status` is the server's; 0 for no answer; null: answered, but no picture gets through. */
export interface Refusal {
  status: number | null;
  detail: string;
  retryAfterMs: number;
}

/* Where a publication stands. A break is first mended by an ICE restart on the same resource, then by a fresh offer after
 * growing waits; only a server that refuses for good ends the trying.
 *
 *   idle ──go──▶ opening ──connected──▶ live ──broken──▶ mending ──connected──▶ live
 *                 │  ▲                                     │ failed
 *          refused│  │due                                  ▼
 *                 ▼  └──────────────── waiting ◀───────────┘
 *               failed
 */
export type ConnectionState =
  | { phase: 'idle' }
  | { phase: 'opening'; attempt: number; wasLive: boolean }
  | { phase: 'live' }
  | { phase: 'mending' }
  | { phase: 'waiting'; attempt: number; wasLive: boolean; waitMs: number; refusal: Refusal | null }
  | { phase: 'failed'; refusal: Refusal };

export type ConnectionEvent =
  | { kind: 'go' }
  | { kind: 'stop' }
  | { kind: 'connected' } /* ICE and DTLS are up */
  | { kind: 'broken' } /* nothing comes back, or the network changed */
  | { kind: 'failed' } /* what was tried did not work */
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'due' } /* the wait is over, or the network is back */;

const retries: Backoff = { firstMs: 1000, mostMs: 10_000 };
const mostRetryAfterMs = 60_000;
/* The first attempt after a break goes at once: whoever was connected a moment ago may be so again. */
const firstRetry: Backoff = { firstMs: 300, mostMs: 300 };

/* A key that is unknown, or an offer that is wrong, will be so the next time. A busy key (the other end has not yet noticed
 * that we are gone), a full server and a network that is away will not. */
export function isFinal({ status }: Refusal): boolean {
  return status !== null && status >= 400 && status < 500 && ![408, 409, 425, 429].includes(status);
}

const noPath: Refusal = { status: null, detail: '', retryAfterMs: 0 };

function waiting(attempt: number, wasLive: boolean, refusal: Refusal | null, random: () => number): ConnectionState {
  const backoff = wasLive && attempt === 0 ? firstRetry : retries;
  const own = backoffMs(attempt, backoff, random);
  const asked = Math.min(refusal?.retryAfterMs ?? 0, mostRetryAfterMs);
  return { phase: 'waiting', attempt, wasLive, refusal, waitMs: Math.max(own, asked) };
}

/* The state after an event. An event that makes no sense in a state, a late one from something already given up, changes
 * nothing: the same object is returned. */
export function step(state: ConnectionState, event: ConnectionEvent, random: () => number = Math.random): ConnectionState {
  if (event.kind === 'stop') return { phase: 'idle' };
  switch (state.phase) {
    case 'idle':
    case 'failed':
      return event.kind === 'go' ? { phase: 'opening', attempt: 0, wasLive: false } : state;
    case 'opening':
      if (event.kind === 'connected') return { phase: 'live' };
      if (event.kind === 'refused' && isFinal(event.refusal)) return { phase: 'failed', refusal: event.refusal };
      if (event.kind === 'refused') return waiting(state.attempt + 1, state.wasLive, event.refusal, random);
      if (event.kind === 'failed') return waiting(state.attempt + 1, state.wasLive, noPath, random);
      return state;
    case 'live':
      if (event.kind === 'broken') return { phase: 'mending' };
      return event.kind === 'failed' ? waiting(0, true, null, random) : state;
    case 'mending':
      if (event.kind === 'connected') return { phase: 'live' };
      if (event.kind === 'failed' || event.kind === 'refused') return waiting(0, true, null, random);
      return state;
    case 'waiting':
      return event.kind === 'due' ? { phase: 'opening', attempt: state.attempt, wasLive: state.wasLive } : state;
  }
}
