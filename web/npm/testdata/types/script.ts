// A program that is no module, beside the script tag.
/// <reference types="onerefresh/onerefresh.js" />

onerefresh.open({ name: "s", tokenEndpoint: "/token", clientId: "c" }).then((session) => session.getAccessToken());

// @ts-expect-error no options
onerefresh.open();
