import { finishLogin, login } from "../oidc-client-ts";
import { session } from "../session";
import { expose } from "./tab";

expose(session, (id) => session.fetch(`${import.meta.env.VITE_API}/things?id=${id}`).then(({ status }) => status), {
  begin: () => login.signinRedirect(),
  finish: finishLogin,
});
