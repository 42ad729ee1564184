import type { QueueLimit } from '../topology/topology.js';
import type { Shaping } from './plan.js';

/** Ethernet header, which the kernel counts as part of a packet's length. */
const ETHERNET_HEADER_BYTES = 14;
/** What a queue holds unless the file says otherwise. */
const DEFAULT_QUEUE_US = 50_000;
/** On slow links that would be less than a window of TCP needs. */
const DEFAULT_QUEUE_FRAMES = 10;
/**
 * The bucket takes what a late timer leaves unsent, and no more: what it holds leaves an idle link at once, unshaped.
 * 4 ms are enough at low rates, 1 ms at high ones.
 */
const BURST_US = 4000;
const BURST_BYTES = 16 << 10;
const FAST_BURST_US = 1000;
const BURST_FRAMES = 2;

/** A token bucket for a rate (bit/s) and a queue; `mtu` is that of the link. */
export function shapingFor(rateBps: number, limit: QueueLimit | null, mtu: number): Shaping {
  const frame = mtu + ETHERNET_HEADER_BYTES;
  const bytesIn = (us: number): number => Math.round((rateBps / 8) * (us / 1e6));
  const burstBytes = Math.max(BURST_FRAMES * frame, Math.min(BURST_BYTES, bytesIn(BURST_US)), bytesIn(FAST_BURST_US));
  return { kind: 'token-bucket', rateBps, burstBytes, limitBytes: limitBytes(limit, frame, burstBytes, bytesIn) };
}

/** The rate (bit/s) and the queue of a relay, as a bucket that holds nothing. */
export function relayShaping(rateBps: number, limit: QueueLimit, mtu: number): Shaping {
  const frame = mtu + ETHERNET_HEADER_BYTES;
  const bytesIn = (us: number): number => Math.round((rateBps / 8) * (us / 1e6));
  return { kind: 'token-bucket', rateBps, burstBytes: 0, limitBytes: limitBytes(limit, frame, 0, bytesIn) };
}

/** What waits in front of an emulated link unless the file says otherwise: the bandwidth-delay product of the link itself, at least 50 ms. */
export function defaultLimit(rateBps: number | null, roundTripUs: number, mtu: number): QueueLimit {
  const us = Math.max(DEFAULT_QUEUE_US, roundTripUs);
  const bytes = DEFAULT_QUEUE_FRAMES * (mtu + ETHERNET_HEADER_BYTES);
  if (rateBps !== null && (rateBps / 8e6) * us < bytes) return { kind: 'bytes', bytes };
  return { kind: 'time', us };
}

function limitBytes(limit: QueueLimit | null, frame: number, burst: number, bytesIn: (us: number) => number): number {
  switch (limit?.kind) {
    case 'bytes':
      return Math.max(frame, limit.bytes);
    case 'packets':
      return limit.packets * frame;
    case 'time':
      // As tc's own `latency`: what fits into the bucket does not wait.
      return Math.max(frame, bytesIn(limit.us)) + burst;
    case undefined:
      return Math.max(DEFAULT_QUEUE_FRAMES * frame, bytesIn(DEFAULT_QUEUE_US)) + burst;
  }
}
