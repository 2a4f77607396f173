// A receiver with the official library takes what the service sends: by the first secret, by both while they change, and by
// the new one; what was altered or is old it refuses.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const [program] = process.argv.slice(2);
const PERSON = { email: 'kim@example.se', password: 'fyra blå cyklar vid ån' };
const folder = mkdtempSync(join(tmpdir(), 'samsyn-webhooks-'));
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

/** Looks again and again until there is something, for half a minute. */
async function wait_for(what, look) {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`${what} did not come within 30 seconds`);
}

/** A receiver that keeps what comes, with its raw body: it is that which is signed. */
async function receiver() {
  const received = [];
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      response.writeHead(204).end();
    });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  endings.push(() => { server.closeAllConnections(); server.close(); });
  return { url: `http://127.0.0.1:${server.address().port}/samsyn`, received };
}

async function free_port() {
  const server = net.createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A service whose operator lets webhooks call this machine. */
async function start_service() {
  const port = await free_port();
  const origin = `http://localhost:${port}`;
  const settings = ['--listen', `127.0.0.1:${port}`, '--public-url', origin, '--database-url', `sqlite:${join(folder, 'samsyn.db')}`, '--set', 'webhook_networks=127.0.0.0/8', '--set', 'log=warn'];
  const run = (args, input) => {
    const ended = spawnSync(program, [...args, ...settings], { input, encoding: 'utf8' });
    assert.equal(ended.status, 0, `samsyn ${args.join(' ')}: ${ended.error?.message ?? ended.stderr}`);
  };
  run(['migrate']);
  run(['user', 'create', '--email', PERSON.email, '--name', 'Kim', '--role', 'admin', '--password-stdin'], PERSON.password);
  const service = spawn(program, ['serve', ...settings], { stdio: ['ignore', 'inherit', 'inherit'] });
  endings.push(() => service.kill());
  await wait_for('the service', () => {
    assert.equal(service.exitCode, null, 'the service ended before it was ready');
    return fetch(`http://127.0.0.1:${port}/health/ready`).then((answer) => answer.ok, () => false);
  });
  return `http://127.0.0.1:${port}/samsyn/v1`;
}

async function main() {
  const { url, received } = await receiver();
  const api = await start_service();
  let token = '';
  const call = async (method, path, body, status, headers = {}) => {
    const sent = { method, headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers } };
    if (body) Object.assign(sent, { body: JSON.stringify(body), headers: { ...sent.headers, 'Content-Type': 'application/json' } });
    const answer = await fetch(`${api}${path}`, sent);
    const text = await answer.text();
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  token = (await call('POST', '/sessions', PERSON, 201)).accessToken;
  const area = (await call('GET', '/areas?code=0127', null, 200)).items[0].id;
  const register = (name) => call('POST', '/actors', { kind: 'association', name, seatAreaId: area }, 201);
  const nth = (number) => wait_for(`message ${number}`, () => received[number - 1]);
  const refuses = (secret, body, headers) => assert.throws(() => new Webhook(secret).verify(body, headers), WebhookVerificationError);

  const made = await call('POST', '/webhooks', { url, types: ['actor'], areaId: null }, 201);
  const path = `/webhooks/${made.webhook.id}`;
  await step('a change is signed as the official library says', async () => {
    const actor = await register('Odlarna i norr');
    const { headers, body } = await nth(1);
    const message = new Webhook(made.secret).verify(body, headers);
    assert.equal(message.type, 'actor.upsert');
    assert.equal(message.data.id, actor.id);
    assert.deepEqual(Object.keys(message.data), ['position', 'type', 'id', 'op', 'version', 'changedAt', 'mergedInto']);
    assert.ok(!body.includes('Odlarna'), 'a thin message holds no content');
  });
  await step('what was altered on the way is refused', async () => {
    const { headers, body } = await nth(1);
    refuses(made.secret, body.replace('actor.upsert', 'actor.delete'), headers);
    refuses(made.secret, body, { ...headers, 'webhook-id': 'msg_0' });
    refuses(`whsec_${Buffer.alloc(32, 7).toString('base64')}`, body, headers);
  });
  await step('what is six minutes old is refused, though it is signed', async () => {
    const { headers, body } = await nth(1);
    const then = new Date(Date.now() - 6 * 60 * 1000);
    const signature = new Webhook(made.secret).sign(headers['webhook-id'], then, body);
    refuses(made.secret, body, { ...headers, 'webhook-timestamp': String(Math.floor(then.getTime() / 1000)), 'webhook-signature': signature });
  });
  const { secret } = await call('POST', `${path}/secrets`, null, 201);
  await step('after a change of secret both sign', async () => {
    await register('Seglarna');
    const { headers, body } = await nth(2);
    assert.equal(headers['webhook-signature'].split(' ').length, 2);
    new Webhook(made.secret).verify(body, headers);
    new Webhook(secret).verify(body, headers);
  });
  await step('a replay comes by the same name', async () => {
    const first = JSON.parse(received[0].body).data.position;
    await call('POST', `${path}/replay`, { fromPosition: first }, 200);
    await nth(4);
    const names = received.slice(2, 4).map(({ headers }) => headers['webhook-id']).sort();
    assert.deepEqual(names, received.slice(0, 2).map(({ headers }) => headers['webhook-id']).sort());
    for (const { headers, body } of received.slice(1)) new Webhook(secret).verify(body, headers);
  });
  await step('the log tells what was taken, and no secret', async () => {
    const log = await wait_for('the log', async () => {
      const page = await call('GET', `${path}/deliveries?state=delivered`, null, 200);
      return page.items.length === 2 && page;
    });
    assert.ok(log.items.every((delivery) => delivery.lastStatus === 204));
    assert.ok(!JSON.stringify(log).includes('whsec_'));
  });
}

try {
  await main();
  console.log('Webhooks are what the standard says.');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  for (const end of endings.reverse()) end();
}
