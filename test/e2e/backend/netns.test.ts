import { complies } from './compliance.js';

describe('the backend of network namespaces', function () {
  this.timeout(180_000);
  // Their namespaces are part of the machine's state, which the tests compare anyway.
  complies(() => ({ name: 'netns', remains: async () => [], moments: 4, setUpMs: 150 }));
});
