/**
 * The layers. Imports point down only:
 *
 *   lab/cli -> experiments -> lab -> src/daemon (public API) -> src/host -> src/core
 *                             src/ctl -> src/daemon (public API)
 *   src/document (checked YAML) stands beside core, for daemon and lab.
 *
 * Each rule says what a folder may import; all else is an error. Type-only imports count.
 */

/** Sources of ours, in contrast to Node's modules and packages. */
const OURS = '^(src|lab|experiments|test|bench|scripts)/';

/** What the daemon tells about itself, as types. */
const STATUS_TYPES = '^src/core/(status|io)\\.ts$';

/**
 * What files in `from` may import of the project's own sources.
 * @param {string} name
 * @param {string} comment
 * @param {string} from
 * @param {string[]} allowed
 */
function layer(name, comment, from, allowed) {
  return { name, comment, severity: 'error', from: { path: from }, to: { path: OURS, pathNot: allowed } };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'core-is-sans-io',
      comment:
        'core imports only core: no Node module, no package, nothing above. Time, randomness and I/O are passed in.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    layer('document-stands-alone', 'document may use core; daemon and lab use it.', '^src/document/', [
      '^src/document/',
      '^src/core/',
    ]),
    layer('host-above-core', 'host may use core.', '^src/host/', ['^src/host/', '^src/core/']),
    layer('daemon-above-host', 'daemon may use host, core and document.', '^src/daemon/', [
      '^src/(daemon|host|core|document)/',
    ]),
    layer(
      'ctl-is-a-client',
      'mpipctl knows the daemon by its public API and the status documents it reads.',
      '^src/ctl/',
      ['^src/ctl/', '^src/daemon/api\\.ts$', STATUS_TYPES],
    ),
    layer(
      'lab-uses-public-api',
      'lab knows the daemon by its public API and its status documents; checked YAML is shared.',
      '^lab/(?!cli/|relay/)',
      ['^lab/', '^src/daemon/api\\.ts$', '^src/document/', STATUS_TYPES],
    ),
    layer(
      'relay-forwards-packets',
      'The relay and its calibration send packets themselves, with the host layer; nothing else of the lab does.',
      '^lab/relay/',
      ['^lab/', '^src/host/', '^src/document/'],
    ),
    layer('lab-cli-knows-experiments', 'The command line puts lab and experiments together.', '^lab/cli/', [
      '^lab/',
      '^experiments/index\\.ts$',
      '^src/daemon/api\\.ts$',
      '^src/document/',
      STATUS_TYPES,
    ]),
    {
      name: 'only-types-of-core',
      comment: 'Of core, ctl and lab may import types only: status documents and addresses.',
      severity: 'error',
      from: { path: '^(lab|src/ctl)/' },
      to: { path: '^src/core/', dependencyTypesNot: ['type-only'] },
    },
    layer(
      'experiments-above-lab',
      'An experiment is written with the lab, not with its command line.',
      '^experiments/',
      ['^experiments/', '^lab/(?!cli/)', '^src/daemon/api\\.ts$'],
    ),
    {
      name: 'no-cycles',
      comment:
        'Modules that need each other at run time are one module, or lack a third that both need. Types of a table may name each other.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'The import names nothing that exists.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-package',
      comment: 'What runs may import packages from "dependencies" only.',
      severity: 'error',
      from: { path: '^(src|lab|experiments)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'set-up-needs-only-node',
      comment: 'The set-up runs before any package is installed.',
      severity: 'error',
      from: { path: '^scripts/(setup/|process/|setup\\.mjs$|build\\.mjs$|start\\.mjs$)' },
      to: { pathNot: '^scripts/(setup/|process/|setup\\.mjs$|build\\.mjs$)', dependencyTypesNot: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
