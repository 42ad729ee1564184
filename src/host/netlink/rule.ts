import { AF_INET, AF_INET6 } from '../syscall/constants.js';
import { type Attribute, Attributes, u8Attribute, u32Attribute } from './message.js';
import * as rt from './rtnetlink.js';

export type RuleFamily = 'ipv4' | 'ipv6';

/** "[not] fwmark MARK lookup TABLE": packets with (or, inverted, without) the mark look the table up. */
export interface MarkRule {
  readonly family: RuleFamily;
  /** Rules are asked in the order of this number. */
  readonly priority: number;
  readonly mark: number;
  readonly invert: boolean;
  readonly table: number;
  /** Who made it (RTPROT_*). */
  readonly protocol: number;
}

/** A policy routing rule as the kernel tells it. */
export interface Rule {
  readonly family: RuleFamily;
  readonly priority: number;
  readonly invert: boolean;
  /** 0 with `markMask` 0 = any. */
  readonly mark: number;
  readonly markMask: number;
  /** Whether it looks at anything besides the mark (source, destination, interfaces). */
  readonly otherSelectors: boolean;
  /** The table that it looks up; undefined for other actions. */
  readonly table?: number;
  readonly protocol: number;
}

const FIB_RULE_HDR_BYTES = 12;
const ruleHdr = { FAMILY: 0, TABLE: 4, ACTION: 7, FLAGS: 8 } as const;
const FULL_MASK = 0xffffffff;

export function ruleHeader(rule: MarkRule): Buffer {
  const fixed = Buffer.alloc(FIB_RULE_HDR_BYTES);
  fixed.writeUInt8(rule.family === 'ipv6' ? AF_INET6 : AF_INET, ruleHdr.FAMILY);
  fixed.writeUInt8(rt.FR_ACT_TO_TBL, ruleHdr.ACTION);
  fixed.writeUInt32LE(rule.invert ? rt.FIB_RULE_INVERT : 0, ruleHdr.FLAGS);
  return fixed;
}

export function ruleAttributes(rule: MarkRule): Attribute[] {
  return [
    u32Attribute(rt.FRA_PRIORITY, rule.priority),
    u32Attribute(rt.FRA_FWMARK, rule.mark),
    u32Attribute(rt.FRA_FWMASK, FULL_MASK),
    u32Attribute(rt.FRA_TABLE, rule.table),
    u8Attribute(rt.FRA_PROTOCOL, rule.protocol),
  ];
}

/** Fixed part of RTM_GETRULE for all rules of a family. */
export function ruleDumpHeader(family: number): Buffer {
  const fixed = Buffer.alloc(FIB_RULE_HDR_BYTES);
  fixed.writeUInt8(family, ruleHdr.FAMILY);
  return fixed;
}

/** undefined for rules of other protocols than IPv4 and IPv6 (multicast routing has its own). */
export function decodeRule(payload: Buffer): Rule | undefined {
  const family = payload.readUInt8(ruleHdr.FAMILY);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = new Attributes(payload, FIB_RULE_HDR_BYTES);
  const lookup = payload.readUInt8(ruleHdr.ACTION) === rt.FR_ACT_TO_TBL;
  const others = [rt.FRA_SRC, rt.FRA_DST, rt.FRA_IIFNAME, rt.FRA_OIFNAME];
  return {
    family: family === AF_INET6 ? 'ipv6' : 'ipv4',
    priority: attributes.u32(rt.FRA_PRIORITY) ?? 0,
    invert: (payload.readUInt32LE(ruleHdr.FLAGS) & rt.FIB_RULE_INVERT) !== 0,
    mark: attributes.u32(rt.FRA_FWMARK) ?? 0,
    markMask: attributes.u32(rt.FRA_FWMASK) ?? 0,
    otherSelectors: others.some((type) => attributes.bytes(type) !== undefined),
    ...(lookup && { table: attributes.u32(rt.FRA_TABLE) ?? payload.readUInt8(ruleHdr.TABLE) }),
    protocol: attributes.u8(rt.FRA_PROTOCOL) ?? 0,
  };
}

/** Whether `rule` is exactly `wanted`. */
export function isSameRule(rule: Rule, wanted: MarkRule): boolean {
  return (
    rule.family === wanted.family &&
    rule.priority === wanted.priority &&
    rule.invert === wanted.invert &&
    rule.mark === wanted.mark &&
    rule.markMask === FULL_MASK &&
    !rule.otherSelectors &&
    rule.table === wanted.table &&
    rule.protocol === wanted.protocol
  );
}
