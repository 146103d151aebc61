/** Where the gateway answers GraphQL: always the origin the page came from. */
export const httpEndpoint = new URL("/graphql", window.location.origin).href;

/** The same address over WebSocket: wss when the page came by https, ws when by http. */
export const webSocketEndpoint = httpEndpoint.replace(/^http/, "ws");
