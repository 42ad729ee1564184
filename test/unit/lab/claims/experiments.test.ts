import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EXPERIMENTS, STUDIES } from '../../../../experiments/index.js';
import { limitOf } from '../../../../lab/experiment/limit-of.js';
import { makePlan } from '../../../../lab/plan/make.js';
import { armsIn } from '../../../../lab/results/claims.js';
import { readTopology } from '../../../../lab/topology/read.js';

describe('experiments', () => {
  it('have ids of their own', () => {
    const ids = [...EXPERIMENTS, ...STUDIES].map(({ id }) => id);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  for (const experiment of EXPERIMENTS) {
    it(`${experiment.id} claims things about its own arms, in the language of claims`, () => {
      const arms = experiment.arms.map(({ id }) => id);
      expect(arms).to.include(experiment.subject);
      for (const claim of experiment.claims) expect(arms, claim).to.include.members(armsIn(claim));
    });

    it(`${experiment.id} runs between nodes of its topology, over links that have a limit in every arm`, async () => {
      const plan = makePlan(await readTopology(fileURLToPath(experiment.topology)));
      const nodes = plan.nodes.map(({ name }) => name);
      for (const workload of experiment.workloads(10)) {
        expect(nodes).to.include.members([workload.from, workload.to]);
        for (const arm of experiment.arms) expect(limitOf(arm, plan, workload), arm.id).to.be.greaterThan(0);
      }
    });
  }

  for (const study of STUDIES) {
    it(`${study.id} has a short form of some of its arms, and a topology to draw`, () => {
      const arms = study.arms.map(({ id }) => id);
      expect(arms).to.include.members([...study.shortArms]);
      expect(study.shortArms.length).to.be.within(1, arms.length - 1);
      expect(study.plan().paths).to.not.deep.equal([]);
    });
  }

  it('fig4a has the limits of 40 and 20 Mbit/s less headers', async () => {
    const fig4a = EXPERIMENTS.find(({ id }) => id === 'fig4a')!;
    const plan = makePlan(await readTopology(fileURLToPath(fig4a.topology)));
    const [download] = fig4a.workloads(60);
    const limits = fig4a.arms.map((arm) => `${arm.id} ${((limitOf(arm, plan, download!) ?? 0) / 1e6).toFixed(2)}`);
    expect(limits).to.have.members(['ip 38.26', 'mpip 55.76', 'mptcp 56.43']);
  });
});
