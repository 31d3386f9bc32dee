// What the SDK expects of a browser and Node does not give. Loaded before a program: `node --import`.

import WebSocket from "ws";

// Node 20 has none, later ones have another; the same everywhere is easier to reason about.
globalThis.WebSocket = WebSocket;

// The SDK never clears its time limits of 7 to 30 seconds. They must not keep a finished program alive.
const sdkLimit = 7_000;
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, delay, ...args) => {
  const timer = setTimeout(callback, delay, ...args);
  return delay >= sdkLimit ? timer.unref() : timer;
};
