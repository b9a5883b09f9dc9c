// https://supabase.com/docs/reference/javascript/auth-getsession
import { AuthClient } from "@supabase/auth-js";
import { session } from "./lib/supabase.js";

export const open = (name) => session(AuthClient, name);
