// The HTML report in Chromium: it renders, filters, shows a failure, fits a phone; and a server that sends what should harm does nothing.
// So do the page of a comparison, the first page of a certificate, and its badge.
//
//     node page.mjs CORSUITE CHROMIUM FOLDER
//
// FOLDER gets the pages and pictures of them. `.ci/run browser` installs what this needs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const [corsuite, executablePath, folder] = process.argv.slice(2);
const ESCAPE = "\u001b";
const BIDI = "\u202e\u2066\u2069\u200f";
const env = {
  ...process.env,
  OSS_ACCESS_KEY_ID: "corsuite-owner",
  OSS_ACCESS_KEY_SECRET: "corsuite-owner-secret",
  CORSUITE_OTHER_OSS_ACCESS_KEY_ID: "corsuite-other",
  CORSUITE_OTHER_OSS_ACCESS_KEY_SECRET: "corsuite-other-secret",
  XDG_STATE_HOME: path.join(folder, "state"),
  NO_COLOR: "1",
};

/** The reference as another process; its port, and how to end it. */
async function serve(...options) {
  const child = spawn(corsuite, ["serve", ...options], { env, stdio: ["ignore", "pipe", "ignore"] });
  const line = await new Promise((resolve, reject) => {
    child.stdout.once("data", (data) => resolve(String(data)));
    child.once("exit", () => reject(new Error("the server ended")));
  });
  return { port: Number(/http:\/\/[^:]+:(\d+)/.exec(line)[1]), stop: () => child.kill() };
}

/** Markup, scripts, escapes of terminals, bidi controls, bytes that are no text (a lone surrogate), and far too much of it. */
const BODIES = [
  `<script>window.harmed = 1</script><img src=x onerror="window.harmed = 2"></pre></details></main>`,
  `${ESCAPE}[2J${ESCAPE}]0;owned\u0007${BIDI}\u0000\u0085\u2028`,
  Buffer.from([0xed, 0xa0, 0x80, 0xff, 0xfe, 0x3c, 0x2f, 0x70, 0x72, 0x65, 0x3e]),
  Buffer.alloc(10 << 20, "<script>window.harmed = 3</script>"),
];
const FIELD = `"><script>window.harmed = 4</script> javascript:alert(1) ${Buffer.from("\u202e").toString("latin1")}`;

/** A server between that spoils the answers to preflights. */
async function hostile(port) {
  let count = 0;
  const server = http.createServer((request, answer) => {
    const onward = http.request(
      { host: "127.0.0.1", port, method: request.method, path: request.url, headers: request.headers },
      (given) => {
        const parts = [];
        given.on("data", (part) => parts.push(part));
        given.on("end", () => {
          let body = Buffer.concat(parts);
          const headers = { ...given.headers };
          if (request.method === "OPTIONS") {
            body = Buffer.from(BODIES[count++ % BODIES.length]);
            headers["access-control-allow-origin"] = FIELD;
            headers["access-control-allow-methods"] = FIELD;
            delete headers["transfer-encoding"];
            headers["content-length"] = body.length;
          }
          answer.writeHead(given.statusCode, headers);
          answer.end(request.method === "HEAD" ? undefined : body);
        });
      },
    );
    onward.on("error", () => answer.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, stop: () => server.close() };
}

/** Runs the suite and gives the page; the exit code must be this one. */
function report(name, port, code, ...selectors) {
  const page = path.join(folder, `${name}.html`);
  const options = ["run", "--endpoint", `http://127.0.0.1:${port}`, "--settle", "0", "--report", `html=${page}`];
  return run(name, code, ...options, "--report", `json=${path.join(folder, `${name}.json`)}`, ...selectors).then(() => page);
}

/** Runs the program; the exit code must be this one. */
function run(name, code, ...options) {
  return new Promise((resolve, reject) => {
    const child = spawn(corsuite, options, { env, stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (ended) => {
      try {
        assert.equal(ended, code, `${name}: exit code`);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Opens a page; whatever it loads, prints or asks is kept. */
async function open(browser, file, size) {
  const context = await browser.newContext({ viewport: size, deviceScaleFactor: 1 });
  const page = await context.newPage();
  const noise = [];
  page.on("request", (request) => request.url().startsWith("file:") || noise.push(`loads ${request.url()}`));
  page.on("dialog", (dialog) => { noise.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  page.on("pageerror", (error) => noise.push(`error ${error}`));
  page.on("console", (message) => noise.push(`console ${message.text()}`));
  const begun = performance.now();
  await page.goto(pathToFileURL(file).href);
  return { page, noise, milliseconds: Math.round(performance.now() - begun) };
}

const shown = (page) => page.locator("#list > .case:visible").count();

async function normal(browser, file) {
  const size = fs.statSync(file).size;
  assert.ok(size < 1 << 20, `${size} bytes`);
  const { page, noise, milliseconds } = await open(browser, file, { width: 1280, height: 900 });
  assert.equal(await page.locator("h1").textContent(), "Not conformant");
  const failed = await page.locator("#list > .case.fail").count();
  assert.ok(failed >= 20, `${failed} failures`);
  // Failures are shown at first, what passed is not.
  const all = await page.locator("#list > .case").count();
  const first = await shown(page);
  assert.ok(first >= failed && first < all, `${first} of ${all}`);
  await page.locator("#filter input[value=fail]").uncheck();
  assert.equal(await shown(page), first - failed);
  await page.locator("#filter input[value=fail]").check();
  await page.locator("#filter input[value=pass]").check();
  assert.equal(await shown(page), all);
  const id = await page.locator("#list > .case.fail b").first().textContent();
  await page.locator("#words").fill(id);
  const few = await shown(page);
  assert.ok(few >= 1 && few < all, `${few} with ${id}`);
  assert.match(await page.locator("#shown").textContent(), new RegExp(`^${few} of ${all}$`));
  await page.locator("#words").fill("no such words at all");
  assert.equal(await shown(page), 0);
  await page.locator("#words").fill("");
  // A failure tells request, answer, what differs, and more when it is opened.
  const failure = page.locator("#list > details.fail").nth(failed - 1);
  if (!(await failure.evaluate((one) => one.open))) await failure.locator("summary").first().click();
  assert.ok(await failure.locator("dd.expected").first().isVisible());
  assert.ok(await failure.locator("dd.actual").first().isVisible());
  const requests = await failure.locator(".exchange pre").first().textContent();
  assert.match(requests, /HTTP\/1\.1/);
  await failure.locator("details.more > summary").first().click();
  assert.ok(await failure.locator("details.more pre").first().isVisible());
  await page.locator("#filter input[value=pass]").uncheck();
  await failure.evaluate((one) => one.scrollIntoView());
  await page.screenshot({ path: path.join(folder, "failure.png") });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path.join(folder, "desktop.png") });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: path.join(folder, "dark.png") });
  assert.deepEqual(noise, []);
  const phone = await open(browser, file, { width: 390, height: 844 });
  const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `the page is ${wide} wide on a phone`);
  await phone.page.screenshot({ path: path.join(folder, "phone.png") });
  console.log(`${failed} failures of ${all} cases: ${size} bytes, loaded in ${milliseconds} ms; filter, search, failure, phone: ok`);
}

async function harmless(browser, file) {
  const size = fs.statSync(file).size;
  const { page, noise } = await open(browser, file, { width: 1280, height: 900 });
  const seen = await page.evaluate(() => ({
    harmed: window.harmed,
    scripts: document.querySelectorAll("script").length,
    strange: document.querySelectorAll("img, iframe, object, embed, svg, link, base, form:not(#filter)").length,
    handlers: [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((a) => /^on/i.test(a.name))).length,
    links: [...document.querySelectorAll("a")].filter((one) => !/^(https:|#)/.test(one.getAttribute("href"))).length,
    text: document.body.textContent,
    failures: document.querySelectorAll("#list > .case.fail").length,
  }));
  assert.equal(seen.harmed, undefined);
  assert.deepEqual([seen.scripts, seen.strange, seen.handlers, seen.links], [1, 0, 0, 0]);
  const forbidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/u;
  assert.doesNotMatch(seen.text, forbidden);
  // It was there, and it is told.
  assert.ok(seen.text.includes("window.harmed = 4"), "the fields of the answers are not shown");
  assert.ok(seen.failures > 20, `${seen.failures} failures`);
  assert.ok(await page.locator("#list > .case.fail").last().isVisible(), "markup of an answer ends the page");
  assert.deepEqual(noise, []);
  assert.ok(size < 16 << 20, `${size} bytes`);
  console.log(`a hostile server: ${seen.failures} failures, ${size} bytes, nothing happens: ok`);
}

/** A page that has no script: it fits a phone, and nothing in it acts. */
async function still(browser, file, name) {
  const { page, noise } = await open(browser, file, { width: 1280, height: 900 });
  const acts = await page.evaluate(() => ({
    harmed: window.harmed,
    strange: document.querySelectorAll("script, img, iframe, object, embed, link, base, form").length,
  }));
  assert.deepEqual(acts, { harmed: undefined, strange: 0 });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  assert.deepEqual(noise, []);
  const phone = await open(browser, file, { width: 390, height: 844 });
  const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${name} is ${wide} wide on a phone`);
  await phone.page.screenshot({ path: path.join(folder, `${name}-phone.png`) });
  return page;
}

async function compared(browser) {
  const file = path.join(folder, "compare.html");
  const named = [`faulty=${path.join(folder, "report.json")}`, `healthy=${path.join(folder, "healthy.json")}`];
  await run("compare", 0, "compare", ...named, "--report", `html=${file}`);
  const page = await still(browser, file, "compare");
  assert.equal(await page.locator("h1").textContent(), "Side by side");
  assert.ok((await page.locator("table.matrix tr.differs").count()) > 3, "no clause differs");
  console.log("a comparison: ok");
}

const MARKUP = `<img src=x onerror="window.harmed=5">&amp; Store`;

async function certified(browser, port) {
  const out = path.join(folder, "certificate");
  await run("certify", 0, "certify", "--endpoint", `http://127.0.0.1:${port}`, "--settle", "0", "--out", out, "--name", MARKUP,
    "--product-version", "1.2", "--vendor", "</table><script>window.harmed=6</script>", "--contact", "cors@example.com");
  const page = await still(browser, path.join(out, "certificate.html"), "certificate");
  assert.equal(await page.locator("h1").textContent(), `${MARKUP} 1.2`);
  await page.locator("a").first().click();
  assert.equal(await page.locator("h1").textContent(), "Conformant");
  const badge = await open(browser, path.join(out, "badge.svg"), { width: 200, height: 40 });
  const box = await badge.page.evaluate(() => {
    const text = [...document.querySelectorAll("text")].map((one) => one.getBoundingClientRect());
    const whole = document.documentElement.getBoundingClientRect();
    return text.length === 4 && text.every((one) => one.left >= whole.left && one.right <= whole.right);
  });
  assert.ok(box, "the words of the badge do not fit it");
  await badge.page.screenshot({ path: path.join(folder, "badge.png") });
  console.log("a certificate, its report, its badge: ok");
}

fs.mkdirSync(folder, { recursive: true });
const faulty = await serve("--fault", "origin-contains");
const plain = await serve();
const between = await hostile(plain.port);
let failed = false;
try {
  const page = await report("report", faulty.port, 1);
  await report("healthy", plain.port, 0);
  const harm = await report("hostile", between.port, 1, "preflight");
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    await normal(browser, page);
    await harmless(browser, harm);
    await compared(browser);
    await certified(browser, plain.port);
  } finally {
    await browser.close();
  }
} catch (error) {
  console.error(error);
  failed = true;
} finally {
  faulty.stop();
  plain.stop();
  between.stop();
}
process.exit(failed ? 1 : 0);
