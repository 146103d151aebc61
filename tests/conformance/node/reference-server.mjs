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

const server = createServer((request, response) =>
  (isForSse(request) ? onSse : onHttp)(request, response).catch(() => response.writeHead(500).end()),
);
useServer({ schema, connectionInitWaitTimeout: 1000 }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/graphql`));
