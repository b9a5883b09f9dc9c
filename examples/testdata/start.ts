import { finishLogin, patients, session } from "../start";
import { expose } from "./tab";

expose(session, async () => "", { patients, finishLogin: (grant: string) => finishLogin(new URLSearchParams(grant)) });
