/** All kinds of workloads. */
import { type ExecWorkload, exec } from './exec/exec.js';
import { type HttpWorkload, http } from './http/http.js';
import { type Iperf3Workload, iperf3 } from './iperf3.js';
import { type PingWorkload, ping } from './ping/ping.js';
import { type UdpEchoWorkload, udpEcho } from './udp-echo/udp-echo.js';
import { type VideoWorkload, video } from './video/video.js';
import { type WebrtcWorkload, webrtc } from './webrtc/webrtc.js';
import type { WorkloadKind } from './workload.js';

/** Workloads between two nodes. */
export type NetworkWorkload =
  | Iperf3Workload
  | HttpWorkload
  | PingWorkload
  | UdpEchoWorkload
  | WebrtcWorkload
  | VideoWorkload;
export type Workload = NetworkWorkload | ExecWorkload;

type KindOf<T extends Workload['type']> = WorkloadKind<Extract<Workload, { type: T }>>;

const KINDS: { readonly [T in Workload['type']]: KindOf<T> } = {
  iperf3,
  http,
  ping,
  'udp-echo': udpEcho,
  webrtc,
  video,
  exec,
};

/** The metrics of workloads that stand in summaries, by their full names within an arm. */
export function headlinesOf(workloads: readonly Workload[]): string[] {
  return workloads.flatMap((workload) => kindOf(workload).headline.map((metric) => `${workload.name}.${metric}`));
}

/** Whether a metric, by its name within an arm ("download.goodput_bps"), is one that stands in summaries, of whatever workload. */
export function isHeadline(metric: string): boolean {
  return Object.values(KINDS).some(({ headline }) => headline.some((name) => metric.endsWith(`.${name}`)));
}

export function kindOf<W extends Workload>({ type }: W): WorkloadKind<W> {
  return KINDS[type] as unknown as WorkloadKind<W>;
}
