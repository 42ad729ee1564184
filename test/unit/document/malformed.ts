/** Documents that cannot be used, each with the exact text that its author gets to read. */
export interface Malformed {
  readonly title: string;
  readonly text: string;
  readonly error: string;
}

const LINK = `name: two-paths
links:
  path1:
    ends: [a:eth0, b:eth0]
    rate: `;

export const malformed: readonly Malformed[] = [
  {
    title: 'an empty file lacks what is required',
    text: ``,
    error: `two-paths.yaml:1:1: name: is missing; expected text
two-paths.yaml:1:1: links: is missing; expected a map`,
  },
  {
    title: 'unknown keys, one of them nearly right',
    text: `name: x
links: {}
minDelay: windowed
colour: red
`,
    error: `two-paths.yaml:3:1: minDelay: unknown key, did you mean "min-delay"? allowed: name, hosts, min-delay, node, links
  3 | minDelay: windowed
    | ^^^^^^^^
two-paths.yaml:4:1: colour: unknown key; allowed: name, hosts, min-delay, node, links
  4 | colour: red
    | ^^^^^^`,
  },
  {
    title: 'an unknown key deep inside',
    text: `${LINK}1gbit
    delai: 5ms
`,
    error: `two-paths.yaml:6:5: links.path1.delai: unknown key, did you mean "delay"? allowed: ends, rate, delay, loss, limit, subnet, address, gateway
  6 |     delai: 5ms
    |     ^^^^^`,
  },
  {
    title: 'a rate with a unit that does not exist',
    text: `${LINK}40mbits
`,
    error: `two-paths.yaml:5:11: links.path1.rate: "40mbits" is not a rate such as 500kbit, 40mbit or 1gbit: unknown unit "mbits" (units: bit, kbit, mbit, gbit, tbit)
  5 |     rate: 40mbits
    |           ^^^^^^^`,
  },
  {
    title: 'a rate with an ambiguous unit',
    text: `${LINK}40mbps
`,
    error: `two-paths.yaml:5:11: links.path1.rate: "40mbps" is not a rate such as 500kbit, 40mbit or 1gbit: mbps is bits for some and bytes for others: write mbit
  5 |     rate: 40mbps
    |           ^^^^^^`,
  },
  {
    title: 'a rate without a unit',
    text: `${LINK}40
`,
    error: `two-paths.yaml:5:11: links.path1.rate: 40 has no unit; expected a rate such as 500kbit, 40mbit or 1gbit (units: bit, kbit, mbit, gbit, tbit)
  5 |     rate: 40
    |           ^^`,
  },
  {
    title: 'a rate that is a list',
    text: `${LINK}[40mbit]
`,
    error: `two-paths.yaml:5:11: links.path1.rate: expected a rate such as 500kbit, 40mbit or 1gbit, not a list
  5 |     rate: [40mbit]
    |           ^^^^^^^^`,
  },
  {
    title: 'a negative duration',
    text: `${LINK}1gbit
    delay: -5ms
`,
    error: `two-paths.yaml:6:12: links.path1.delay: "-5ms" is negative
  6 |     delay: -5ms
    |            ^^^^`,
  },
  {
    title: 'a loss above all',
    text: `${LINK}1gbit
    loss: 200%
`,
    error: `two-paths.yaml:6:11: links.path1.loss: "200%" is more than 100%
  6 |     loss: 200%
    |           ^^^^`,
  },
  {
    title: 'a loss model that is misspelt',
    text: `${LINK}1gbit
    loss: { model: bernouli, mean: 1% }
`,
    error: `two-paths.yaml:6:20: links.path1.loss.model: "bernouli" is not allowed, did you mean "bernoulli"? allowed: bernoulli, gilbert-elliott
  6 |     loss: { model: bernouli, mean: 1% }
    |                    ^^^^^^^^`,
  },
  {
    title: 'a value that fits neither alternative',
    text: `${LINK}1gbit
    loss: [1%]
`,
    error: `two-paths.yaml:6:11: links.path1.loss: expected a share such as 0.1% or a map, not a list
  6 |     loss: [1%]
    |           ^^^^`,
  },
  {
    title: 'a required key that is missing',
    text: `name: x
links:
  path1:
    ends: [a, b]
`,
    error: `two-paths.yaml:3:3: links.path1.rate: is missing; expected a rate such as 500kbit, 40mbit or 1gbit
  3 |   path1:
    |   ^^^^^`,
  },
  {
    title: 'a name that is not allowed',
    text: `name: x
links:
  Path_1: {}
`,
    error: `two-paths.yaml:3:3: links.Path_1: the key "Path_1" is not allowed: a name is a letter, then letters and digits
  3 |   Path_1: {}
    |   ^^^^^^`,
  },
  {
    title: 'a key with no value and a list that is too short',
    text: `name: x
links:
  path1:
    ends: [a]
    rate:
`,
    error: `two-paths.yaml:4:11: links.path1.ends: has 1 item; exactly 2 allowed
  4 |     ends: [a]
    |           ^^^
two-paths.yaml:5:5: links.path1.rate: expected a rate such as 500kbit, 40mbit or 1gbit, not nothing
  5 |     rate:
    |     ^^^^`,
  },
  {
    title: 'values of the wrong type',
    text: `name: 5
hosts: 1.5
links: []
`,
    error: `two-paths.yaml:1:7: name: expected text, not 5
  1 | name: 5
    |       ^
two-paths.yaml:2:8: hosts: expected a whole number, not 1.5
  2 | hosts: 1.5
    |        ^^^
two-paths.yaml:3:8: links: expected a map, not a list
  3 | links: []
    |        ^^`,
  },
  {
    title: 'a number out of bounds, an unknown alternative and an unknown word',
    text: `name: x
hosts: 50
node: { kind: hots }
min-delay: windowd
links: {}
`,
    error: `two-paths.yaml:2:8: hosts: 50 is too large; at most 10
  2 | hosts: 50
    |        ^^
two-paths.yaml:3:15: node.kind: "hots" is not allowed, did you mean "host"? allowed: host, router
  3 | node: { kind: hots }
    |               ^^^^
two-paths.yaml:4:12: min-delay: "windowd" is not allowed, did you mean "windowed"? allowed: windowed, all-time
  4 | min-delay: windowd
    |            ^^^^^^^`,
  },
  {
    title: 'an alternative that is not named',
    text: `name: x
node: {}
links: {}
`,
    error: `two-paths.yaml:2:1: node.kind: is missing; expected one of: host, router
  2 | node: {}
    | ^^^^`,
  },
  {
    title: 'an alternative that lacks its key',
    text: `name: x
node: { kind: router }
links: {}
`,
    error: `two-paths.yaml:2:1: node.outside: is missing; expected text
  2 | node: { kind: router }
    | ^^^^`,
  },
  {
    title: 'addresses',
    text: `${LINK}1gbit
    subnet: 10.1.0.5/24
    gateway: ::ffff:10.1.2.3
    address: FD00::1/129
`,
    error: `two-paths.yaml:6:13: links.path1.subnet: "10.1.0.5/24" has bits set after its prefix; the network is 10.1.0.0/24
  6 |     subnet: 10.1.0.5/24
    |             ^^^^^^^^^^^
two-paths.yaml:7:14: links.path1.gateway: "::ffff:10.1.2.3" is an IPv4 address in IPv6 form; write 10.1.2.3
  7 |     gateway: ::ffff:10.1.2.3
    |              ^^^^^^^^^^^^^^^
two-paths.yaml:8:14: links.path1.address: "FD00::1/129" has a prefix of 129 bits; at most 128
  8 |     address: FD00::1/129
    |              ^^^^^^^^^^^`,
  },
  {
    title: 'a host name, a zone and a plain address in place of addresses',
    text: `${LINK}1gbit
    gateway: fe80::1%eth0
    subnet: 10.1.0.0
    address: example.org/24
`,
    error: `two-paths.yaml:6:14: links.path1.gateway: "fe80::1%eth0" has a zone; write the address alone
  6 |     gateway: fe80::1%eth0
    |              ^^^^^^^^^^^^
two-paths.yaml:7:13: links.path1.subnet: "10.1.0.0" is not a network such as 10.1.0.0/24 or fd00:1::/64
  7 |     subnet: 10.1.0.0
    |             ^^^^^^^^
two-paths.yaml:8:14: links.path1.address: "example.org" is not an IP address such as 10.1.0.1 or fd00::1
  8 |     address: example.org/24
    |              ^^^^^^^^^^^^^^`,
  },
  {
    title: 'a tab as indentation',
    text: `name: x
links:
\tpath1: {}
`,
    error: `two-paths.yaml:3:1: a tab is used as indentation; use spaces
  3 |  path1: {}
    | ^`,
  },
  {
    title: 'an alias of nothing',
    text: `name: *x
links: {}
`,
    error: `two-paths.yaml:1:7: *x names no anchor above it
  1 | name: *x
    |       ^^`,
  },
  {
    title: 'a tag',
    text: `name: !text x
links: {}
`,
    error: `two-paths.yaml:1:7: unresolved tag: !text; tags are not used here
  1 | name: !text x
    |       ^^^^^`,
  },
  {
    title: 'a list that does not end',
    text: `name: x
links: [1, 2


`,
    error: `two-paths.yaml:2:13: wrong indentation: flow sequence in block collection must be sufficiently indented and end with a ]
  2 | links: [1, 2
    |             ^`,
  },
  {
    title: 'a text that does not end',
    text: `name: "x
`,
    error: `two-paths.yaml:1:9: a text that starts with " does not end
  1 | name: "x
    |         ^`,
  },
  {
    title: 'a value with a colon',
    text: `name: x: y
`,
    error: `two-paths.yaml:1:7: a second ":" in one line; quote a value that contains ": "
  1 | name: x: y
    |       ^`,
  },
  {
    title: 'a second document',
    text: `name: x
links: {}
---
name: y
`,
    error: `two-paths.yaml:3:1: a second document starts here; one file holds one document
  3 | ---
    | ^^^`,
  },
  {
    title: 'wrong indentation',
    text: `name: x
links:
  path1: {}
 path2: {}
`,
    error: `two-paths.yaml:4:1: wrong indentation: all mapping items must start at the same column
  4 |  path2: {}
    | ^`,
  },
  {
    title: 'a list as a key',
    text: `? [a]
: 1
`,
    error: `two-paths.yaml:1:3: a key must be a single word or a quoted text
  1 | ? [a]
    |   ^^^`,
  },
  {
    title: 'null as a key',
    text: `null: 1
name: x
links: {}
`,
    error: `two-paths.yaml:1:1: a key is missing or null
  1 | null: 1
    | ^^^^`,
  },
  {
    title: 'a key that stands twice, written differently',
    text: `links:
  1: {}
  "1": {}
name: x
`,
    error: `two-paths.yaml:3:3: duplicate key "1"; it already stands in line 2
  3 |   "1": {}
    |   ^^^`,
  },
  {
    title: 'a reserved character',
    text: `name: @x
`,
    error: `two-paths.yaml:1:7: plain value cannot start with reserved character @; quote the value
  1 | name: @x
    |       ^`,
  },
  {
    title: 'a list in place of a map',
    text: `- a
`,
    error: `two-paths.yaml:1:1: expected a map, not a list
  1 | - a
    | ^^^`,
  },
  {
    title: 'a map that is closed twice',
    text: `{ name: x }}
`,
    error: `two-paths.yaml:1:12: unexpected flow-map-end token in YAML stream: "}"
  1 | { name: x }}
    |            ^`,
  },
  {
    title: 'aliases that multiply',
    text: `a: &a [1, 2]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c]
`,
    error: `two-paths.yaml:1:1: its aliases (*name) repeat too much
  1 | a: &a [1, 2]
    | ^`,
  },
  {
    title: 'more problems than fit on a screen',
    text: `name: x
links: {}
k0: 1
k1: 1
k2: 1
k3: 1
k4: 1
k5: 1
k6: 1
k7: 1
k8: 1
k9: 1
k10: 1
k11: 1
`,
    error: `two-paths.yaml:3:1: k0: unknown key; allowed: name, hosts, min-delay, node, links
  3 | k0: 1
    | ^^
two-paths.yaml:4:1: k1: unknown key; allowed: name, hosts, min-delay, node, links
  4 | k1: 1
    | ^^
two-paths.yaml:5:1: k2: unknown key; allowed: name, hosts, min-delay, node, links
  5 | k2: 1
    | ^^
two-paths.yaml:6:1: k3: unknown key; allowed: name, hosts, min-delay, node, links
  6 | k3: 1
    | ^^
two-paths.yaml:7:1: k4: unknown key; allowed: name, hosts, min-delay, node, links
  7 | k4: 1
    | ^^
two-paths.yaml:8:1: k5: unknown key; allowed: name, hosts, min-delay, node, links
  8 | k5: 1
    | ^^
two-paths.yaml:9:1: k6: unknown key; allowed: name, hosts, min-delay, node, links
  9 | k6: 1
    | ^^
two-paths.yaml:10:1: k7: unknown key; allowed: name, hosts, min-delay, node, links
  10 | k7: 1
     | ^^
and 4 more`,
  },
  {
    title: 'a line that is too long for the screen',
    text: `${LINK}1gbit
    ends2: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, b]
`,
    error: `two-paths.yaml:6:5: links.path1.ends2: unknown key, did you mean "ends"? allowed: ends, rate, delay, loss, limit, subnet, address, gateway
  6 |     ends2: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a
    |     ^^^^^`,
  },
];
