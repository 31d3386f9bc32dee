// The packages of tests/nakama-js. Node looks for packages beside the file that names them.

import { createRequire } from "node:module";

const require = createRequire(new URL("../nakama-js/package.json", import.meta.url));

export const { Client } = require("@heroiclabs/nakama-js");
export const WebSocket = require("ws");
