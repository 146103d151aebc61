// The operations lie in files of their own, where a test holds them against the exported schema.
import initiatePayment from "./1-initiate-payment.graphql?raw";
import paymentStatus from "./2-payment-status.graphql?raw";
import payments from "./3-payments.graphql?raw";

/** What a newcomer finds on the first visit: start a payment, watch it, list them. GraphiQL keeps later edits. */
export function tourTabs() {
  // A key of this visit alone, so that the first click starts a payment of one's own.
  const ownPayment = initiatePayment.replace("first-payment", `first-payment-${randomSuffix()}`);
  return [ownPayment, paymentStatus, payments].map((query) => ({ query }));
}

function randomSuffix(): string {
  // Not crypto.randomUUID: browsers withhold it from pages that came by plain http from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
