// A server that renders a page: a component that uses the package must neither
// throw there nor open a session, which all users would share.
import { OneRefreshError, open } from "onerefresh";
import { createElement, useEffect } from "react";
import { renderToString } from "react-dom/server";

globalThis.localStorage = { getItem: () => null, length: 0 }; // as Node.js has since version 25

const opened = [];
const app = () => open({ name: "app", tokenEndpoint: "/token", clientId: "demo" });

function Account() {
  useEffect(() => void opened.push(app()), []); // as it should be: on a server it does not run
  return createElement("p", null, "Hello");
}

function Careless() {
  opened.push(app());
  return createElement("p", null, "Hello");
}

const html = renderToString(createElement(Account)) + renderToString(createElement(Careless));
const outcomes = await Promise.allSettled(opened);
const codes = outcomes.map(({ reason }) => reason instanceof OneRefreshError && reason.code);
console.log(JSON.stringify({ html, codes }));
