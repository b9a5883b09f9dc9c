import { finishSignIn, session, signIn } from "../oauth4webapi";
import { expose } from "./tab";

const api = import.meta.env.VITE_API;
expose(session, (id) => session.getAccessToken().then((token) =>
  fetch(`${api}/things?id=${id}`, { headers: { Authorization: `Bearer ${token}` } })).then(({ status }) => status), { begin: signIn, finish: finishSignIn });
