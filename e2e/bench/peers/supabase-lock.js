// The last version that took a Web Lock by default.
import { AuthClient } from "supabase-auth-js-with-lock";
import { session } from "./lib/supabase.js";

export const open = (name) => session(AuthClient, name);
