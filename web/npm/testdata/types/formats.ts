// What docs/formats.md prints.
import { open, type Format } from "onerefresh";
import { medplum } from "onerefresh/formats";

const session = await open({
  name: "medplum",
  tokenEndpoint: "https://api.medplum.com/oauth2/token",
  clientId: "…",
  provider: "medplum",
  origins: ["https://api.medplum.com"],
  format: medplum(),
});

const format: Format = {
  key: "app.session",
  // The record that a text holds, or null if nobody is signed in. Times are in ms.
  read: (text) => {
    const { at, rt, until } = JSON.parse(text);
    return { access_token: at, refresh_token: rt, expires_at: until };
  },
  // The text with the record in it; text is null after a sign-in.
  write: ({ access_token, refresh_token, expires_at }, text) =>
    JSON.stringify({ ...JSON.parse(text ?? "{}"), at: access_token, rt: refresh_token, until: expires_at }),
};

await open({ name: "app", tokenEndpoint: "/token", clientId: session.coordination, format });

// @ts-expect-error it does not write
const reads: Format = { read: () => null };
console.log(reads);
