"use client";

import { open } from "onerefresh";
import { useEffect, useState } from "react";

export function Account() {
  const [coordination, setCoordination] = useState("");
  useEffect(() => {
    open({ name: "app", tokenEndpoint: "/token", clientId: "demo" }).then((session) => {
      window.session = session;
      setCoordination(session.coordination);
    });
  }, []);
  return <p>{coordination}</p>;
}
