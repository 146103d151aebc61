// The reference servers of the protocols behind one address, which is printed: `node reference-server.mjs`.
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { createHandler as createHttpHandler } from "graphql-http/lib/use/http";
import { createHandler as createSseHandler } from "graphql-sse/lib/use/http";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type Query { answer: Int! }
  type Mutation { change: Int! }
  type Subscription { count(to: Int!, stay: Boolean = false): Int! }
`);
schema.getSubscriptionType().getFields().count.subscribe = async function* (_, { to, stay }) {
  for (let count = 0; count < to; count += 1) {
    yield { count };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (stay) {
    await new Promise(() => {});
  }
};

const onHttp = createHttpHandler({ schema });
const onSse = createSseHandler({ schema });

function isForSse({ method, headers }) {
  const token = headers["x-graphql-event-stream-token"];
  return token !== undefined || method === "PUT" || /text\/event-stream/.test(headers.accept ?? "");
}

// A handler fails when its client leaves in the middle of a stream, and then the answer has been begun already.
function fail(response) {
  if (response.headersSent) {
    response.destroy();
  } else {
    response.writeHead(500).end();
  }
}

const server = createServer((request, response) =>
  (isForSse(request) ? onSse : onHttp)(request, response).catch(() => fail(response)),
);
// The time to say connection_init in is that of a busy machine's client too.
useServer({ schema, connectionInitWaitTimeout: 3000 }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/graphql`));
