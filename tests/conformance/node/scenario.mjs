// What every client does: pay, watch from the beginning, and resume after each position; the results as one JSON line.
import { readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";

export const scenario = JSON.parse(await readFile(new URL("scenario.json", import.meta.url), "utf8"));

export async function play(url, collect) {
  const id = await pay(url);
  const watch = (after) => collect({ query: scenario.watch.query, variables: { id, after } });
  const everything = await watch(scenario.from);
  const resumed = [];
  for (const { extensions } of everything) {
    resumed.push(await watch(extensions.position));
  }
  console.log(JSON.stringify({ everything, resumed }));
}

async function pay(url) {
  const { query, variables } = scenario.pay;
  const input = { ...variables.input, idempotencyKey: randomUUID() };
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data } = await answer.json();
  return data.initiatePayment.payment.id;
}

export async function values(iterable) {
  const collected = [];
  for await (const value of iterable) {
    collected.push(value);
  }
  return collected;
}
