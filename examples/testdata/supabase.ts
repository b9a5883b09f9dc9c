import { session } from "../session";
import { supabase } from "../supabase";
import { expose } from "./tab";

expose(session, async (id) => {
  const { status, error } = await supabase.from("things").select().eq("id", id);
  return status || (error?.message ?? "");
});
