// One charge over one connection, by an OCPP client that others have written; what came of it, as JSON on standard output.
// Argument: the plan, as JSON: {client, url, id, key?, ca?, cert?, privateKey?}. Each client checks what we send by its own schemas.
"use strict";

const fs = require("fs");
const KEYS = [
  { key: "ChargingScheduleAllowedChargingRateUnit", readonly: true, value: "Current,Power" },
  { key: "NumberOfConnectors", readonly: true, value: "1" },
  { key: "SupportedFeatureProfiles", readonly: true, value: "Core,SmartCharging,RemoteTrigger" },
];
const ANSWERS = {
  ChangeConfiguration: () => ({ status: "Accepted" }),
  ClearChargingProfile: () => ({ status: "Unknown" }),
  GetCompositeSchedule: () => ({ status: "Rejected" }),
  GetConfiguration: () => ({ configurationKey: KEYS, unknownKey: [] }),
  SetChargingProfile: () => ({ status: "Accepted" }),
  TriggerMessage: () => ({ status: "NotImplemented" }),
};

const plan = JSON.parse(process.argv[2]);
const asked = [];
const waiting = [];

function answerTo(action, payload) {
  asked.push([action, payload]);
  for (const look of waiting) look();
  return ANSWERS[action](payload);
}

function askedFor(what) {
  return new Promise((resolve) => {
    const look = () => asked.some(what) && resolve();
    waiting.push(look);
    look();
  });
}

async function overOcppRpc() {
  const { RPCClient } = require("ocpp-rpc");
  const tls = plan.ca ? { ca: fs.readFileSync(plan.ca) } : {};
  if (plan.cert) Object.assign(tls, { cert: fs.readFileSync(plan.cert), key: fs.readFileSync(plan.privateKey) });
  const client = new RPCClient({
    endpoint: plan.url,
    identity: plan.id,
    protocols: ["ocpp1.6"],
    strictMode: true,
    reconnect: false,
    password: plan.key ? Buffer.from(plan.key, "hex") : null,
    wsOpts: tls,
  });
  for (const action of Object.keys(ANSWERS)) client.handle(action, ({ params }) => answerTo(action, params));
  client.on("strictValidationFailure", (event) => fail(event.error));
  await client.connect();
  return { call: (action, payload) => client.call(action, payload), close: () => client.close() };
}

async function overOcppTs() {
  const { OcppClient } = require("ocpp-ts");
  const client = new OcppClient(plan.id);
  for (const action of Object.keys(ANSWERS)) client.on(action, (payload, reply) => reply(answerTo(action, payload)));
  const closed = new Promise((resolve) => client.on("close", resolve));
  const connected = new Promise((resolve, reject) => {
    client.on("connect", resolve);
    client.on("error", reject);
  });
  const proof = Buffer.concat([Buffer.from(`${plan.id}:`), Buffer.from(plan.key || "", "hex")]).toString("base64");
  client.connect(`${plan.url}/`, plan.key ? { Authorization: `Basic ${proof}` } : {});
  await connected;
  const close = async () => {
    client.connection.socket.close();
    await closed;
  };
  return { call: (action, payload) => client.callRequest(action, payload), close };
}

async function charge(client) {
  const now = () => new Date().toISOString();
  const said = {};
  const say = async (action, payload) => (said[action] = await client.call(action, payload));
  const status = (connectorId, word) =>
    say("StatusNotification", { connectorId, status: word, errorCode: "NoError", timestamp: now() });
  await say("BootNotification", { chargePointVendor: "Others", chargePointModel: plan.client });
  await status(0, "Available");
  await status(1, "Available");
  await say("Heartbeat", {});
  await askedFor(([action]) => action === "GetConfiguration");
  await say("Authorize", { idTag: "04A1B2C3D4" });
  await status(1, "Preparing");
  const started = await say("StartTransaction", { connectorId: 1, idTag: "04A1B2C3D4", meterStart: 100, timestamp: now() });
  await status(1, "Charging");
  const ofIt = ([action, payload]) =>
    action === "SetChargingProfile" && payload.csChargingProfiles.transactionId === started.transactionId;
  await askedFor(ofIt);
  const sampled = [{ value: "150", measurand: "Energy.Active.Import.Register", unit: "Wh" }];
  await say("MeterValues", {
    connectorId: 1,
    transactionId: started.transactionId,
    meterValue: [{ timestamp: now(), sampledValue: sampled }],
  });
  await say("StopTransaction", { transactionId: started.transactionId, meterStop: 200, timestamp: now(), reason: "Local" });
  await status(1, "Available");
  return said;
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

(async () => {
  const client = await (plan.client === "ocpp-rpc" ? overOcppRpc() : overOcppTs());
  const said = await charge(client);
  await client.close();
  process.stdout.write(JSON.stringify({ said, asked }), () => process.exit(0));
})().catch(fail);
