// The usual way to do it: the component that is mounted first refreshes.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { expose } from "./tab";

function App() {
  const [state, setState] = useState("…");
  useEffect(() => {
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "spa", refresh_token: localStorage.getItem("refresh_token")! });
    fetch("/token", { method: "POST", body }).then(async (response) => {
      const { refresh_token } = await response.json();
      if (response.ok) localStorage.setItem("refresh_token", refresh_token);
      setState(response.ok ? "signed in" : "signed out");
    });
  }, []);
  return <p>{state}</p>;
}

const main = document.body.appendChild(document.createElement("main"));
expose(undefined, async () => "", {
  signIn: ({ refresh_token }: Record<string, string>) => localStorage.setItem("refresh_token", refresh_token),
  show: () => createRoot(main).render(<StrictMode><App /></StrictMode>),
});
