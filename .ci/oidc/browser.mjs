// Plays a frontend and a browser: signs in with the provider, redeems the code, and says what differs from what should be.
//
// Usage: node browser.mjs SAMSYN REDIRECT_URI
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

const [samsyn, redirectUri] = process.argv.slice(2);
const secret = () => randomBytes(32).toString('base64url');

/** A browser: keeps cookies for each origin and follows redirects, until one leads to the frontend. */
class Browser {
  jars = new Map();

  async go(address, form) {
    for (let steps = 0; steps < 30; steps += 1) {
      if (address.startsWith(`${redirectUri}?`)) return { address };
      const { origin } = new URL(address);
      const jar = this.jars.get(origin) ?? new Map();
      this.jars.set(origin, jar);
      const answer = await fetch(address, {
        method: form ? 'POST' : 'GET',
        body: form && new URLSearchParams(form),
        redirect: 'manual',
        headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '), accept: 'text/html' },
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [pair, ...attributes] = cookie.split(';');
        const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
        const gone = attributes.some((attribute) => /^\s*expires=thu, 01 jan 1970/i.test(attribute));
        if (gone) jar.delete(name);
        else jar.set(name, value);
      }
      const location = answer.headers.get('location');
      if (!location) return { address, status: answer.status, body: await answer.text() };
      [address, form] = [new URL(location, address).href, undefined];
    }
    throw new Error(`no end of redirects at ${address}`);
  }

  /** Sends the form of a page, with what is typed in. */
  send(page, typed) {
    const action = /<form[^>]*action="([^"]+)"/.exec(page.body)?.[1];
    assert.ok(action, `the provider shows no form (${page.status}): ${page.body.slice(0, 500)}`);
    const hidden = [...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    return this.go(new URL(action, page.address).href, { ...Object.fromEntries(hidden), ...typed });
  }
}

/** Signs in as somebody: what the frontend is told, and what it needs to redeem the code. */
async function signIn(login) {
  const [verifier, state] = [secret(), secret()];
  const address = new URL(`${samsyn}/oauth2/authorize`);
  address.search = new URLSearchParams({
    response_type: 'code', client_id: 'webben', redirect_uri: redirectUri, state, provider: 'provet',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  const browser = new Browser();
  let page = await browser.go(address.href);
  page = await browser.send(page, { login, password: 'whatever' });
  if (page.body) page = await browser.send(page, {});
  assert.ok(page.address.startsWith(`${redirectUri}?`), `the browser ends at ${page.address} (${page.status}): ${page.body?.slice(0, 500)}`);
  const told = Object.fromEntries(new URL(page.address).searchParams);
  assert.equal(told.error, undefined, `${told.error}: ${told.error_description}`);
  assert.equal(told.state, state, 'the state is the frontend\'s own');
  assert.equal(told.iss, samsyn, 'the answer names who gave it');
  return { code: told.code, verifier };
}

async function redeem({ code, verifier }) {
  const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: 'webben', redirect_uri: redirectUri, code, code_verifier: verifier });
  const answer = await fetch(`${samsyn}/oauth2/token`, { method: 'POST', body });
  return { status: answer.status, json: await answer.json() };
}

async function me(token) {
  const answer = await fetch(`${samsyn}/samsyn/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, json: await answer.json() };
}

const listed = await (await fetch(`${samsyn}/samsyn/v1/identity-providers`)).json();
assert.deepEqual(listed.items.map(({ id, name }) => [id, name]), [['provet', 'Provet']], 'the provider is listed');

// One whose token says all, and one whose address and name are left to userinfo.
const users = [];
for (const login of ['kim', 'bare-robin', 'kim']) {
  const signedIn = await signIn(login);
  const tokens = await redeem(signedIn);
  assert.equal(tokens.status, 200, `redeeming the code: ${JSON.stringify(tokens.json)}`);
  assert.equal(tokens.json.token_type?.toLowerCase(), 'bearer');
  const account = await me(tokens.json.access_token);
  assert.equal(account.status, 200, `reading /me: ${JSON.stringify(account.json)}`);
  assert.equal(account.json.user.email, `${login}@kommun.example.se`);
  assert.equal(account.json.user.name, `Test ${login}`);
  assert.deepEqual(account.json.grants.map(({ role, provider }) => [role, provider]), [['coordinator', 'provet']], 'the group gives its role');
  users.push(account.json.user.id);
  const again = await redeem(signedIn);
  assert.equal(again.status, 400, 'a code is good once');
  assert.equal(again.json.error, 'invalid_grant');
  // Other instances may take half a second to hear of it.
  let ended = 200;
  for (let tries = 0; tries < 20 && ended === 200; tries += 1) {
    ended = (await me(tokens.json.access_token)).status;
    if (ended === 200) await new Promise((done) => { setTimeout(done, 100); });
  }
  assert.equal(ended, 401, 'a code shown twice ends the session that came of it');
}
assert.equal(users[0], users[2], 'the same person has the same account');
assert.notEqual(users[0], users[1]);
console.log('Signing in with a real identity provider works.');
process.exit(0);
