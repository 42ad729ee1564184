/** Short exchanges between two nodes of a lab, as both sides see them. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Lab, LabProcess } from '../../../lab/lab.js';
import type { Exchange } from './programs/exchange.js';

/** Something that came to a socket and is no part of an exchange. */
export interface Foreign {
  readonly foreign: string;
}

export interface Exchanges {
  readonly client: string;
  /** Of the server, asked in turn. */
  readonly addresses: readonly string[];
  /** How many of each. */
  readonly tcp: number;
  readonly udp: number;
  /** Packets are lost on the way: UDP requests are sent again. */
  readonly lossy?: boolean;
}

/** The server's side. */
export class Service implements AsyncDisposable {
  private readonly said = new Said();

  private constructor(
    private readonly lab: Lab,
    private readonly process: Promise<LabProcess>,
  ) {}

  /** `others`: further UDP ports, where something answers whatever comes. */
  static async start(lab: Lab, node: string, others: readonly number[] = []): Promise<Service> {
    const command = [...programCommand('exchange-server'), ...others.map(String)];
    const onLine = (line: string, stream: string) => stream === 'stdout' && service.said.add(line);
    const service: Service = new Service(lab, lab.node(node).spawn(command, { readyWhen: /^ready$/, onLine }));
    await service.process;
    return service;
  }

  /** What else than exchanges has come to any of its sockets. */
  get foreign(): readonly Foreign[] {
    return this.said.foreign;
  }

  /** Makes the exchanges. Both sides must have seen the same, the client all that were asked for and nothing else. The service ends. */
  async serve({ client, addresses, tcp, udp, lossy = false }: Exchanges): Promise<void> {
    const options = lossy ? ['--lossy'] : [];
    const command = [...programCommand('exchange-client'), ...options, String(tcp), String(udp), ...addresses];
    const asked = new Said();
    for (const line of (await this.lab.node(client).exec(command)).stdout.split('\n')) asked.add(line);
    await (await this.process).stop();
    const answered = this.said.exchanges;
    expect(asked.foreign, 'what else the client got').to.deep.equal([]);
    expect(asked.exchanges.size).to.equal(tcp + udp);
    expect(answered.size).to.equal(tcp + udp);
    const different = [...asked.exchanges].filter(([id, exchange]) => answered.get(id) !== exchange);
    expect(different.map(([id, exchange]) => [exchange, answered.get(id)])).to.deep.equal([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.process).stop();
  }
}

export function programCommand(name: 'exchange-client' | 'exchange-server' | 'icmp'): string[] {
  return [process.execPath, '--import', 'tsx', fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))];
}

/** The lines that one side wrote. */
class Said {
  /** The text of each exchange by its number. */
  readonly exchanges = new Map<number, string>();
  readonly foreign: Foreign[] = [];

  add(line: string): void {
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line) as Exchange | Foreign;
    if ('foreign' in said) this.foreign.push(said);
    else if (this.exchanges.has(said.id)) this.foreign.push({ foreign: `again: ${line}` });
    else this.exchanges.set(said.id, line);
  }
}
