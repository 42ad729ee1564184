import { expect } from 'chai';
import { missingRequirements } from '../../../scripts/setup/features.mjs';
import { describePackages, installCommands, manualInstructions, packagesOf } from '../../../scripts/setup/packages.mjs';

const need = (what: string, debianPackage: string, present: boolean) => ({
  what,
  package: debianPackage,
  purpose: `is needed for ${what}`,
  present: () => present,
});

describe('system packages of the set-up', () => {
  const table = {
    lab: [need('ip', 'iproute2', false), need('tc', 'iproute2', false), need('nft', 'nftables', true)],
    browser: [need('chromium', 'chromium', false)],
  };
  const missing = missingRequirements(['lab'], table);

  it('are only those that are missing and that a requested feature needs', () => {
    expect(missing.map(({ what }) => what)).to.deep.equal(['ip', 'tc']);
    expect(missingRequirements([], table)).to.deep.equal([]);
  });

  it('are named once, however many of their commands are missing', () => {
    expect(packagesOf(missing)).to.deep.equal(['iproute2']);
  });

  it('are described in one line each: what and why', () => {
    expect(describePackages(missing)).to.deep.equal(['iproute2 (ip is needed for ip; tc is needed for tc)']);
  });

  it('can be installed by hand with exactly the commands that are printed', () => {
    expect(installCommands(missing)).to.deep.equal([
      'sudo apt-get update',
      'sudo apt-get install -y --no-install-recommends iproute2',
    ]);
    const text = manualInstructions(missing, 'installing needs root');
    for (const command of installCommands(missing)) expect(text).to.include(command);
    expect(text).to.include('installing needs root');
  });
});
