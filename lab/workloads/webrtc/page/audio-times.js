/** Notes when packets of audio pass, from the encoder or to the jitter buffer: a transform that changes nothing. */

/** @type {[rtpTimestamp: number, time: number][]} */
const times = [];

/** The worker's own global, with the event that the DOM library of TypeScript lacks here. */
const scope = /** @type {any} */ (globalThis);

/** @param {{ transformer: { readable: ReadableStream, writable: WritableStream } }} event */
scope.onrtctransform = ({ transformer }) => {
  const note = new TransformStream({
    transform(frame, controller) {
      times.push([frame.getMetadata().rtpTimestamp, performance.timeOrigin + performance.now()]);
      controller.enqueue(frame);
    },
  });
  void transformer.readable.pipeThrough(note).pipeTo(transformer.writable);
};

scope.onmessage = () => scope.postMessage(times);
