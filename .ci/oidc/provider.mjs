// An identity provider on a free port of this machine, with one client and whoever signs in. Prints its address.
//
// Usage: node provider.mjs CALLBACK
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [callback] = process.argv.slice(2);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'samsyn',
      client_secret: 'a secret & more +%',
      redirect_uris: [callback],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    }],
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // The address and the name are left to userinfo, the groups of who administers stand in the token: both ways are tried.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: (use) => ({
        sub: id,
        groups: ['samordnare', 'alla'],
        ...(use === 'userinfo' || !id.startsWith('bare')
          ? { email: `${id}@kommun.example.se`, email_verified: true, name: `Test ${id}` }
          : {}),
      }),
    }),
    cookies: { keys: ['only for this check'] },
    features: { devInteractions: { enabled: true } },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
