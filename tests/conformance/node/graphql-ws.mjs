// The scenario over graphql-transport-ws, by the protocol's reference client: `node graphql-ws.mjs URL`.
import { createClient } from "graphql-ws";
import { play, values } from "./scenario.mjs";

const url = process.argv[2];
const client = createClient({ url: url.replace(/^http/, "ws"), retryAttempts: 0 });
await play(url, (request) => values(client.iterate(request)));
await client.dispose();
