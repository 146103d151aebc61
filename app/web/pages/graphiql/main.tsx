import "./editorWorkers";
import "graphiql/style.css";
import "./page.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { httpEndpoint, webSocketEndpoint } from "../shared/endpoint";
import { tourTabs } from "./tour";

// Subscriptions open a graphql-transport-ws socket; what the headers editor holds travels as its connection_init payload.
const fetcher = createGraphiQLFetcher({
  url: httpEndpoint,
  subscriptionUrl: webSocketEndpoint,
  enableIncrementalDelivery: false,
});

const container = document.getElementById("page");
if (!container) {
  throw new Error("index.html has lost its #page");
}

createRoot(container).render(
  <StrictMode>
    <GraphiQL fetcher={fetcher} defaultTabs={tourTabs()}>
      <GraphiQL.Logo>
        pay<b>gate</b>
      </GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);
