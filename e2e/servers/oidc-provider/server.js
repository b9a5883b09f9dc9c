// The authorization server of the npm package oidc-provider, as it comes, with
// the pages for login and consent that it has for development. It keeps a record
// of what it does, which a test reads. It ends with its standard input.
//
//   node server.js ISSUER REDIRECT_URI

import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [issuer, redirectUri] = process.argv.slice(2);

const provider = new Provider(issuer, {
  clients: [{
    client_id: "spa",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    redirect_uris: [redirectUri],
  }],
  features: { revocation: { enabled: true } },
  // Reuse is detected always. This is the default for a public client; it is here
  // to be seen.
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, RefreshToken: 86400, Grant: 86400 },
  cookies: { keys: ["of a test"] },
});

const records = [];
const record = (event, grant, error) =>
  records.push({ event, grant, error: error && `${error.message}: ${error.error_detail}` });

provider.on("refresh_token.consumed", ({ grantId }) => record("refresh_token.consumed", grantId));
provider.on("grant.error", (ctx, error) => record("grant.error", ctx.oidc.entities.RefreshToken?.grantId, error));
provider.on("grant.revoked", (ctx, grantId) => record("grant.revoked", grantId));
provider.on("server_error", (ctx, error) => record("server_error", undefined, error));

const accessTokens = new Set();
provider.on("access_token.saved", (token) => accessTokens.add(token));

async function expire() {
  await Promise.all([...accessTokens].map((token) => token.destroy()));
  accessTokens.clear();
}

const serve = provider.callback();
const server = createServer(async (request, response) => {
  switch (`${request.method} ${request.url}`) {
    case "GET /test/records":
      return response.end(JSON.stringify(records));
    case "POST /test/expire":
      await expire();
      return response.end();
  }
  serve(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

process.stdin.on("end", () => process.exit()).resume();
