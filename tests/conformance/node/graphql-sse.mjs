// The scenario over server-sent events, by the protocol's reference client: `node graphql-sse.mjs URL`.
import { createClient } from "graphql-sse";
import { play, values } from "./scenario.mjs";

const url = process.argv[2];
const client = createClient({ url, retryAttempts: 0 });
await play(url, (request) => values(client.iterate(request)));
client.dispose();
