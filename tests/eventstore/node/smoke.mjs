// What an application in Node does with the store, through the official client, unchanged.
import assert from "node:assert/strict";
import {
  ANY,
  BACKWARDS,
  END,
  EventStoreDBClient,
  NO_STREAM,
  PARK,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  jsonEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from "@eventstore/db-client";

const client = EventStoreDBClient.connectionString(process.argv[2]);
const event = (n) => jsonEvent({ type: "Happened", data: { n } });
const numbers = (events) => events.map((resolved) => resolved.event.data.n);

async function take(items, count) {
  const taken = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

async function read(stream, options = {}) {
  return take(client.readStream(stream, options), Infinity);
}

const scenarios = {
  async "events are appended and read both ways"() {
    const result = await client.appendToStream("node-1", [1, 2, 3].map(event), { expectedRevision: NO_STREAM });
    assert.equal(result.nextExpectedRevision, 2n);
    assert.deepEqual(numbers(await read("node-1")), [1, 2, 3]);
    assert.deepEqual(numbers(await read("node-1", { direction: BACKWARDS, fromRevision: END, maxCount: 2 })), [3, 2]);
  },
  async "a wrong revision is an error of its own"() {
    const refused = client.appendToStream("node-1", event(9), { expectedRevision: 7n });
    await assert.rejects(refused, (error) => {
      assert(error instanceof WrongExpectedVersionError);
      assert.equal(error.actualVersion, 2n);
      return true;
    });
  },
  async "a missing stream is an error of its own"() {
    await assert.rejects(read("node-nothing"), StreamNotFoundError);
  },
  async "a tombstoned stream is an error of its own"() {
    await client.appendToStream("node-gone", event(1));
    await client.tombstoneStream("node-gone", { expectedRevision: ANY });
    await assert.rejects(read("node-gone"), StreamDeletedError);
  },
  async "metadata is kept"() {
    await client.setStreamMetadata("node-1", { maxCount: 2, mine: "kept" });
    const { metadata } = await client.getStreamMetadata("node-1");
    assert.deepEqual([metadata.maxCount, metadata.mine], [2, "kept"]);
    assert.deepEqual(numbers(await read("node-1")), [2, 3]);
  },
  async "a category is followed"() {
    const subscription = client.subscribeToStream("$ce-followed", { fromRevision: START, resolveLinkTos: true });
    await client.appendToStream("followed-1", [1, 2].map(event));
    await client.appendToStream("followed-2", [3].map(event));
    assert.deepEqual(numbers(await take(subscription, 3)), [1, 2, 3]);
  },
  async "everything is followed through a filter"() {
    const filter = streamNameFilter({ prefixes: ["filtered-"] });
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    await client.appendToStream("unfiltered-1", event(0));
    await client.appendToStream("filtered-1", [1, 2].map(event));
    assert.deepEqual(numbers(await take(subscription, 2)), [1, 2]);
  },
  async "a group delivers, parks and is described"() {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START });
    await client.appendToStream("grouped-1", [1, 2].map(event));
    await client.createPersistentSubscriptionToStream("grouped-1", "workers", settings);
    const subscription = client.subscribeToPersistentSubscriptionToStream("grouped-1", "workers");
    const delivered = [];
    for await (const resolved of subscription) {
      delivered.push(resolved);
      if (resolved.event.data.n === 1) await subscription.nack(PARK, "not now", resolved);
      else await subscription.ack(resolved);
      if (delivered.length === 2) break;
    }
    assert.deepEqual(numbers(delivered), [1, 2]);
    const info = await client.getPersistentSubscriptionToStreamInfo("grouped-1", "workers");
    assert.equal(info.settings.startFrom, START);
    const names = (await client.listAllPersistentSubscriptions()).map((each) => each.groupName);
    assert.deepEqual(names, ["workers"]);
    await client.deletePersistentSubscriptionToStream("grouped-1", "workers");
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  await scenario();
  console.log(name);
}
await client.dispose();
process.exit(0);
