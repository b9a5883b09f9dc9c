// A program that is no module, beside the script tag.
/// <reference types="onerefresh/onerefresh.js" />
/// <reference types="onerefresh/onerefresh-formats.js" />

onerefresh.open({ name: "s", tokenEndpoint: "/token", clientId: "c", format: onerefreshFormats.medplum() }).then((session) => session.getAccessToken());

// @ts-expect-error no options
onerefresh.open();
