// A page of an allowed origin signs in with a cookie that no script can read, renews and signs out; a page of another
// origin gets nothing to read, and no call that changes anything goes through for it.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [program, browserPath] = process.argv.slice(2);
const PERSON = { email: 'kim@example.se', password: 'fyra blå cyklar vid ån' };
const folder = mkdtempSync(join(tmpdir(), 'samsyn-browser-'));
const endings = [() => rmSync(folder, { recursive: true, force: true })];

/** Says what is tried, and fails with that. */
async function step(what, work) {
  try {
    const result = await work();
    console.log(`ok    ${what}`);
    return result;
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
}

/** A server of an empty page, at an origin of its own. */
async function page_server() {
  const server = http.createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>page</title>');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  endings.push(() => server.close());
  return `http://localhost:${server.address().port}`;
}

async function free_port() {
  const server = net.createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function start_service(allowed) {
  const port = await free_port();
  const origin = `http://localhost:${port}`;
  const settings = ['--listen', `127.0.0.1:${port}`, '--public-url', origin, '--database-url', `sqlite:${join(folder, 'samsyn.db')}`, '--set', `cors_origins=${allowed}`, '--set', 'log=warn'];
  const run = (args, input) => {
    const ended = spawnSync(program, [...args, ...settings], { input, encoding: 'utf8' });
    assert.equal(ended.status, 0, `samsyn ${args.join(' ')}: ${ended.error?.message ?? ended.stderr}`);
  };
  run(['migrate']);
  run(['user', 'create', '--email', PERSON.email, '--name', 'Kim', '--role', 'reader', '--password-stdin'], PERSON.password);
  const service = spawn(program, ['serve', ...settings], { stdio: ['ignore', 'inherit', 'inherit'] });
  endings.push(() => service.kill());
  for (let tries = 0; tries < 300; tries += 1) {
    assert.equal(service.exitCode, null, 'the service ended before it was ready');
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).then((answer) => answer.ok, () => false);
    if (ready) return origin;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error('the service was not ready within 30 seconds');
}

/** Calls from within a page: what its scripts get to see. */
function call(page, url, options = {}) {
  return page.evaluate(async ([url, { method = 'GET', body, token, type = 'application/json', ...more }]) => {
    const headers = { ...(body === undefined ? {} : { 'Content-Type': type }), ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    try {
      const answer = await fetch(url, { method, headers, body, credentials: 'include', ...more });
      const text = await answer.text();
      return { status: answer.status, headers: Object.fromEntries(answer.headers), json: text ? JSON.parse(text) : null };
    } catch (error) {
      return { blocked: error.message };
    }
  }, [url, options]);
}

/** A call that no browser makes: any headers, also those that scripts may not set. */
function bare_call(url, headers, body) {
  return new Promise((answered, failed) => {
    const request = http.request(url.replace('localhost', '127.0.0.1'), { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } }, (response) => {
      response.resume();
      response.on('end', () => answered(response.statusCode));
    });
    request.on('error', failed);
    request.end(body);
  });
}

async function main() {
  const [ours, strange] = [await page_server(), await page_server()];
  const api = `${await start_service(ours)}/samsyn/v1`;
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  });
  endings.push(() => browser.close());
  const context = await browser.newContext();
  const [page, stranger] = [await context.newPage(), await context.newPage()];
  await page.goto(ours);
  await stranger.goto(strange);
  const sign_in = () => call(page, `${api}/sessions`, { method: 'POST', body: JSON.stringify({ ...PERSON, cookie: true }) });
  const renew = (from) => call(from, `${api}/sessions/refresh`, { method: 'POST', body: '{}' });
  const cookies = async () => (await context.cookies(api)).filter((cookie) => cookie.name === '__Host-samsyn-refresh');

  const session = await step('a page of an allowed origin signs in', async () => {
    const answer = await sign_in();
    assert.equal(answer.status, 201, JSON.stringify(answer));
    assert.equal(answer.json.refreshToken, null, 'the refresh token is in the body, where scripts can read it');
    assert.ok(answer.json.accessToken);
    return answer.json;
  });
  await step('the cookie is out of reach of scripts and other sites', async () => {
    const [cookie] = await cookies();
    assert.ok(cookie, 'there is no cookie __Host-samsyn-refresh');
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.path, cookie.sameSite], [true, true, '/', 'Strict']);
    for (const one of [page, stranger]) assert.ok(!(await one.evaluate(() => document.cookie)).includes('samsyn'));
  });
  await step('the page reads the headers that it needs', async () => {
    const answer = await call(page, `${api}/me`, { token: session.accessToken });
    assert.equal(answer.status, 200, JSON.stringify(answer));
    for (const name of ['etag', 'ratelimit', 'ratelimit-policy', 'x-request-id']) assert.ok(answer.headers[name], `${name} cannot be read`);
    const refused = await call(page, `${api}/users`, {});
    assert.equal(refused.status, 401, `a refusal cannot be read: ${JSON.stringify(refused)}`);
    assert.ok(refused.headers['www-authenticate'] && refused.json.detail);
  });
  const renewed = await step('the page renews its session with the cookie alone', async () => {
    const answer = await renew(page);
    assert.equal(answer.status, 201, JSON.stringify(answer));
    assert.equal(answer.json.refreshToken, null);
    return answer.json;
  });

  await step('a page of another origin gets nothing to read', async () => {
    for (const options of [{}, { token: renewed.accessToken }]) {
      assert.ok((await call(stranger, `${api}/api-info`, options)).blocked, 'an answer was readable');
    }
    assert.ok((await renew(stranger)).blocked, 'the session was renewed by a stranger');
  });
  await step('what a page of another origin sends without asking is refused', async () => {
    const seen = stranger.waitForResponse((response) => response.url().endsWith('/sessions/refresh') && response.request().method() === 'POST');
    await call(stranger, `${api}/sessions/refresh`, { method: 'POST', body: '{}', type: 'text/plain', mode: 'no-cors' });
    assert.equal((await seen).status(), 403);
    const [cookie] = await cookies();
    const carried = { Cookie: `${cookie.name}=${cookie.value}` };
    for (const headers of [{}, { Origin: strange }, { Origin: 'null' }, { Origin: strange, 'Sec-Fetch-Site': 'cross-site' }]) {
      assert.equal(await bare_call(`${api}/sessions/refresh`, { ...carried, ...headers }, '{}'), 403, JSON.stringify(headers));
    }
  });
  await step('and has not harmed the session', async () => assert.equal((await renew(page)).status, 201));

  await step('the page signs out, and the session cannot be renewed', async () => {
    const { json } = await renew(page);
    const answer = await call(page, `${api}/sessions/current`, { method: 'DELETE', token: json.accessToken });
    assert.equal(answer.status, 204, JSON.stringify(answer));
    const after = await renew(page);
    assert.ok(after.status >= 400 && after.status < 500, JSON.stringify(after));
    assert.equal((await call(page, `${api}/me`, { token: json.accessToken })).status, 401);
  });
}

let failed = false;
try {
  await main();
  console.log('A browser can do what it should, and no more.');
} catch (error) {
  failed = true;
  console.error(`browser check: ${error.message}`);
}
for (const end of endings.reverse()) await end();
process.exit(failed ? 1 : 0);
