import { complies } from './compliance.js';

describe('the backend of network namespaces', function () {
  this.timeout(180_000);
  // Their namespaces are part of the machine's state, which the tests compare anyway.
  // A command starts some twenty times as slowly in an emulated processor.
  const moments = process.env.MPIP_VM_RECORDS === undefined ? 4 : 1;
  complies(() => ({ name: 'netns', remains: async () => [], moments, setUpMs: 150 }));
});
