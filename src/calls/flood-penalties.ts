import type { Socket } from 'node:net';
import { holdReading } from './hold-reading.ts';

/** Milliseconds that a new connection of an address that floods waits at the least until it is read. */
const MIN_WAIT_MS = 150;
/** At random, and more: those that come together are not read together, each with all that it has sent meanwhile. */
const SPREAD_MS = 200;
/** Milliseconds without a flood after which an address is as any other. */
const MEMORY_MS = 10_000;
/** Addresses that are remembered; of more, those that flooded first are forgotten. */
const MAX_ADDRESSES = 1_024;

/** What is remembered of addresses whose connections were ended as floods. */
export interface FloodPenalties {
  /** Has a new connection of such an address wait until it is read. */
  receive(socket: Socket): void;
  /** True if it is such an address. */
  has(address: string | undefined): boolean;
  /** A connection of this address floods, or sends much in vain; it is for the caller to end it. Those of unix sockets all have the address ''. */
  punish(address: string | undefined): void;
}

/**
 * Keeps whoever floods from doing it again at once on a new connection. Those that are open already, and other addresses,
 * are not touched by it; and whoever is well behind the same address waits no longer than that, however many there are.
 */
export function createFloodPenalties(stopwatchMs = () => performance.now()): FloodPenalties {
  const forgottenAtMs = new Map<string, number>();
  const has = (address = ''): boolean => {
    const untilMs = forgottenAtMs.get(address);
    if (untilMs === undefined) return false;
    if (stopwatchMs() < untilMs) return true;
    forgottenAtMs.delete(address);
    return false;
  };
  return {
    receive(socket) {
      if (forgottenAtMs.size > 0 && has(socket.remoteAddress))
        holdReading(socket, MIN_WAIT_MS + SPREAD_MS * Math.random());
    },
    has,
    punish(address = '') {
      // The last in the order.
      forgottenAtMs.delete(address);
      forgottenAtMs.set(address, stopwatchMs() + MEMORY_MS);
      for (const first of forgottenAtMs.keys()) {
        if (forgottenAtMs.size <= MAX_ADDRESSES) break;
        forgottenAtMs.delete(first);
      }
    },
  };
}
