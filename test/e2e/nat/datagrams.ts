/** Datagrams that are asked and answered between two nodes of a lab. */
import { expect } from 'chai';
import type { Lab } from '../../../lab/lab.js';
import { type Endpoint, UdpSocket } from '../topologies/sockets.js';

/** Of the server. */
export const ECHO_PORT = 7001;

/** A client's socket and one of a server's, whose every datagram is checked. */
export class Conversation implements Disposable {
  private count = 0;

  private constructor(
    private readonly client: UdpSocket,
    private readonly server: UdpSocket,
    private readonly to: Endpoint,
  ) {}

  static async open(lab: Lab, client: string, server: string, to: Endpoint, port = 6001): Promise<Conversation> {
    return new Conversation(await UdpSocket.open(lab, client, port), await UdpSocket.open(lab, server, ECHO_PORT), to);
  }

  /** One after the other: odd and even sizes, up to what fits a packet. Each gets through as it was sent. */
  async ask(questions: number): Promise<void> {
    for (let i = 0; i < questions; i++) {
      const number = this.count++;
      const question = `question ${number} `.padEnd(20 + ((number * 131) % 1300), 'q');
      await this.client.send(question, this.to);
      const { from } = await this.server.gets(question);
      const answer = `answer ${number} `.padEnd(20 + ((number * 177) % 1300), 'a');
      await this.server.send(answer, from);
      await this.client.gets(answer);
    }
  }

  /** That nothing else came to either side. */
  check(): void {
    const texts = (socket: UdpSocket) =>
      socket.received.map(({ text }) => text.trimEnd().split(' ').slice(0, 2).join(' '));
    const expected = (word: string) => Array.from({ length: this.count }, (_, number) => `${word} ${number}`);
    expect(texts(this.server)).to.deep.equal(expected('question'));
    expect(texts(this.client)).to.deep.equal(expected('answer'));
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
    this.server[Symbol.dispose]();
  }
}
