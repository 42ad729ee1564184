import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DEFAULT_CONFIG } from '../../../src/core/config.js';
import {
  type DaemonConfig,
  mpipSettings,
  parseDaemonConfig,
  readSecret,
  SecretError,
} from '../../../src/daemon/config.js';
import { DocumentError } from '../../../src/document/error.js';

function problems(text: string): string[] {
  try {
    parseDaemonConfig(text, 'mpipd.yaml');
  } catch (error) {
    if (error instanceof DocumentError)
      return error.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('the configuration of mpipd', () => {
  it('is all defaults when empty, and those of the node are the core\u2019s', () => {
    const { nodeConfig, ...machine } = split(parseDaemonConfig('', 'mpipd.yaml'));
    const { secret: _, ...defaults } = DEFAULT_CONFIG;
    expect(nodeConfig).to.deep.equal(defaults);
    expect(machine).to.deep.equal({
      nodeIdFile: '/var/lib/mpipd/node-id',
      stateDirectory: '/run/mpipd',
      tunName: 'mpip0',
      mark: 0x6d70,
      table: 6747,
      rulePriority: 670,
      interfaces: { include: [], exclude: [] },
      log: { level: 'info' },
      secret: undefined,
    });
  });

  it('maps every key', () => {
    const config = parseDaemonConfig(
      `
node-id-file: /etc/mpip/id
state: /run/other
port: 7000
tun: mp1
mark: 0x10
table: 1000
rule-priority: 5
interfaces: { include: ['eth*', wlan?], exclude: [eth9] }
peers: [10.0.0.2, 'FD00::0:2']
ignore: [10.0.0.9]
transport: tcp
scheduler: paper
reorder: { tcp: paper, udp: off }
min-delay: all-time
keep-alive: 15s
paths:
  - { name: lte, interfaces: ['wwan*'], metered: true }
  - { addresses: [10.0.0.2], backup: true }
rules: [{ mode: single-path, paths: { names: [lte] } }]
secret-file: /etc/mpip/secret
log: { level: debug, format: json, file: /var/log/mpipd.log }
`,
      'mpipd.yaml',
    );
    expect(config).to.deep.equal({
      nodeIdFile: '/etc/mpip/id',
      stateDirectory: '/run/other',
      tunName: 'mp1',
      mark: 16,
      table: 1000,
      rulePriority: 5,
      interfaces: { include: ['eth*', 'wlan?'], exclude: ['eth9'] },
      log: { level: 'debug', format: 'json', file: '/var/log/mpipd.log' },
      secret: { file: '/etc/mpip/secret' },
      node: {
        port: 7000,
        transport: 'tcp',
        scheduler: 'paper',
        reorder: { tcp: 'paper', udp: 'off' },
        minDelay: 'all-time',
        keepAlive: 15_000_000,
        authentication: true,
        peers: ['10.0.0.2', 'fd00::2'],
        ignore: ['10.0.0.9'],
        paths: [
          { name: 'lte', interfaces: ['wwan*'], metered: true, backup: false },
          { addresses: ['10.0.0.2'], metered: false, backup: true },
        ],
        rules: [{ name: 'rule 1', match: {}, mode: 'single-path', select: { names: ['lte'] }, copies: 1 }],
      },
    });
  });

  it('keeps the defaults beside what a part of it says', () => {
    const { node, interfaces } = parseDaemonConfig('reorder: { udp: off }\ninterfaces: { exclude: [lo] }', 'x');
    expect(node.reorder).to.deep.equal({ tcp: 'adaptive', udp: 'off' });
    expect(interfaces).to.deep.equal({ include: [], exclude: ['lo'] });
  });

  const wrong: Record<string, string> = {
    'prot: 6747':
      '1 prot: unknown key, did you mean "port"? allowed: port, peers, ignore, transport, scheduler, reorder, min-delay, keep-alive, authentication, ' +
      'secret, interfaces, paths, rules, log, node-id-file, state, tun, mark, table, rule-priority, secret-file',
    'paths: [{ interfaces: [eth0] }]': '1 paths[0]: says nothing of these paths; give name, metered or backup',
    'paths: [{ name: lte, metered: true }]\nrules: [{ mode: single-path, paths: { names: [let] } }]':
      '2 rules[0].paths.names[0]: no path is called "let", did you mean "lte"?',
    'port: 0': '1 port: 0 is too small; at least 1',
    'port: "6747"': '1 port: expected a number, not "6747"',
    'scheduler: fastest': '1 scheduler: "fastest" is not allowed; allowed: earliest, paper',
    'min-delay: all_time':
      '1 min-delay: "all_time" is not allowed, did you mean "all-time"? allowed: windowed, all-time',
    'reorder: adaptive': '1 reorder: expected a map, not "adaptive"',
    'reorder: { icmp: off }': '1 reorder.icmp: unknown key; allowed: tcp, udp',
    'peers: 10.0.0.1': '1 peers: expected a list, not "10.0.0.1"',
    'peers: [b.example]': '1 peers[0]: "b.example" is not an IP address such as 10.1.0.1 or fd00::1',
    'peers: [10.0.0.1, "::1", 10.0.0.1]': '1 peers[2]: 10.0.0.1 stands here twice',
    'peers: [10.0.0.1]\nignore: [10.0.0.1]': '1 peers[0]: 10.0.0.1 is also under ignore',
    'authentication: yes': '1 authentication: expected true or false, not "yes"',
    'authentication: false\nsecret: abc': '1 authentication: a secret is of no use when authentication is off',
    'secret: abc\nsecret-file: /x': '2 secret-file: there is a secret already; give one of secret and secret-file',
    'secret: ""': '1 secret: "" is too short; at least 1 character',
    'state: run': '1 state: expected an absolute path such as /run/mpipd',
    [`state: /${'x'.repeat(100)}`]: '1 state: is too long for a unix socket; at most 94 bytes',
    'table: 254': '1 table: tables 253 to 255 are the default, main and local tables of the kernel',
    'rule-priority: 32766': '1 rule-priority: 32766 is too large; at most 32765',
    'mark: 0': '1 mark: 0 is too small; at least 1',
    'tun: an-interface-name': '1 tun: "an-interface-name" is too long; at most 15 characters',
    'tun: a/b': '1 tun: an interface has a name without spaces and slashes',
    'interfaces: { include: [eth 0] }':
      '1 interfaces.include[0]: expected the name of an interface, where * stands for any characters and ? for one',
    'log: { level: trace }': '1 log.level: "trace" is not allowed; allowed: error, warn, info, debug',
  };
  for (const [text, problem] of Object.entries(wrong)) {
    it(`refuses ${text.slice(0, 60).replace('\n', ' ')}`, () => expect(problems(text)).to.deep.equal([problem]));
  }

  it('shares with the lab what any node can be told, and nothing of the machine', () => {
    expect(mpipSettings.safeParse({ peers: ['10.0.0.1'], log: { level: 'debug' } }).success).to.equal(true);
    expect(mpipSettings.safeParse({ tun: 'mpip0' }).success).to.equal(false);
  });
});

describe('the secret', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mpip-secret-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function failure(file: string): Promise<string> {
    const error: unknown = await readSecret({ secret: { file } }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(SecretError);
    return (error as Error).message;
  }

  it('is empty, the text, or what the file holds before its line end', async () => {
    const file = join(folder, 'secret');
    await writeFile(file, 'correct horse\r\n', { mode: 0o600 });
    expect(await readSecret({ secret: undefined })).to.deep.equal(new Uint8Array(0));
    expect(Buffer.from(await readSecret({ secret: { text: 'h\u00e4' } })).toString()).to.equal('h\u00e4');
    expect(Buffer.from(await readSecret({ secret: { file } })).toString()).to.equal('correct horse');
  });

  it('must not be open to everyone, empty or missing', async () => {
    const open = join(folder, 'open');
    await writeFile(open, 'x');
    await chmod(open, 0o644);
    const empty = join(folder, 'empty');
    await writeFile(empty, '\n', { mode: 0o600 });
    expect(await failure(open)).to.match(/open holds the secret but everyone may use it: chmod o-rwx/);
    expect(await failure(empty)).to.match(/is to hold the secret but is empty/);
    expect(await failure(join(folder, 'none'))).to.match(/cannot read the secret: ENOENT/);
  });
});

function split({ node, ...machine }: DaemonConfig) {
  return { nodeConfig: node, ...machine };
}
