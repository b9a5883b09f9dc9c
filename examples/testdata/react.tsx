import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useResource, useVisit } from "../react";
import { api, session } from "../session";
import { expose } from "./tab";

function Thing({ id }: { id: string }) {
  const { data, error } = useResource<{ user: string }>(`${api}/things?id=${id}`);
  return <li id={id}>{error ? `no ${(error as { code?: string }).code}` : data ? data.user : "…"}</li>;
}

function App() {
  const visit = useVisit();
  return visit ? <ul key={visit}><Thing id="a" /><Thing id="b" /></ul> : <p>Signed out</p>;
}

const main = document.body.appendChild(document.createElement("main"));
expose(session, async () => "", { show: () => createRoot(main).render(<StrictMode><App /></StrictMode>) });
