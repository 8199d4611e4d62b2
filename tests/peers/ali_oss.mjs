// The vendor's JavaScript client, ali-oss, against `corsuite serve`: what it puts it reads back, and its errors are the documented ones.
//
//     node ali_oss.mjs http://127.0.0.1:PORT
//
// `.ci/run peers` installs what this needs and starts the server.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import OSS from "ali-oss";

// It signs no URL for an IP address.
const endpoint = process.argv[2].replace("127.0.0.1", "localhost");
const { version } = createRequire(import.meta.url)("ali-oss/package.json");
const RULES = [
  {
    allowedOrigin: ["https://*.example.com", "http://localhost:8080"],
    allowedMethod: ["GET", "PUT"],
    allowedHeader: ["content-type", "x-oss-*"],
    exposeHeader: ["ETag", "x-oss-request-id"],
    maxAgeSeconds: "600",
  },
  { allowedOrigin: "*", allowedMethod: "HEAD" },
];

function client(authorizationV4, accessKeySecret = "corsuite-owner-secret") {
  return new OSS({
    endpoint,
    region: "oss-cn-hangzhou",
    accessKeyId: "corsuite-owner",
    accessKeySecret,
    authorizationV4,
    sldEnable: true,
    retryMax: 0,
  });
}

/** A call fails with this code and status. */
async function refused(call, code, status) {
  await assert.rejects(call, (error) => {
    assert.deepEqual([error.code, error.status], [code, status], String(error));
    return true;
  });
}

const few = (rules) => rules.map((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)));

for (const v4 of [false, true]) {
  const bucket = `corsuite-peer-js-${v4 ? 4 : 1}`;
  const store = client(v4);
  await store.putBucket(bucket);
  await refused(() => store.getBucketCORS(bucket), "NoSuchCORSConfiguration", 404);
  await store.putBucketCORS(bucket, RULES);
  assert.deepEqual(few((await store.getBucketCORS(bucket)).rules), RULES);
  const one = (more = {}) => ({ allowedOrigin: "*", allowedMethod: "GET", ...more });
  await store.putBucketCORS(bucket, [one()]);
  assert.deepEqual(few((await store.getBucketCORS(bucket)).rules), [one()]);
  await refused(() => store.putBucketCORS(bucket, Array.from({ length: 21 }, () => one())), "CORSRuleBeyondLimit", 400);
  await refused(() => store.putBucketCORS(bucket, [one({ allowedMethod: "PATCH" })]), "InvalidArgument", 400);
  assert.deepEqual(few((await store.getBucketCORS(bucket)).rules), [one()]);
  store.useBucket(bucket);
  await store.put("a b/c.txt", Buffer.from("content"));
  const url = v4 ? await store.signatureUrlV4("GET", 60, {}, "a b/c.txt") : store.signatureUrl("a b/c.txt", { expires: 60 });
  const answer = await fetch(url, { headers: { origin: "https://app.example" } });
  assert.deepEqual([answer.status, await answer.text(), answer.headers.get("access-control-allow-origin")], [200, "content", "*"]);
  await store.deleteBucketCORS(bucket);
  await store.deleteBucketCORS(bucket);
  await refused(() => store.getBucketCORS(bucket), "NoSuchCORSConfiguration", 404);
  await refused(() => client(v4, "another").getBucketCORS(bucket), "SignatureDoesNotMatch", 403);
  await refused(() => store.getBucketCORS("corsuite-no-such-bucket"), "NoSuchBucket", 404);
  await store.delete("a b/c.txt");
  await store.deleteBucket(bucket);
  console.log(`ali-oss ${version}, signature ${v4 ? "v4" : "v1"}: ok`);
}
