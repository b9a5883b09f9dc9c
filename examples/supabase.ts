import { createClient } from "@supabase/supabase-js";
import { api, session } from "./session";

// What Supabase calls third-party auth: the tokens come from your authorization server.
export const supabase = createClient(api, "publishable key", {
  accessToken: async () => (session.signedIn ? session.getAccessToken() : null), // null: whatever anybody may see
  global: {
    fetch: (input, init) => {
      if (!session.signedIn) return fetch(input, init);
      const headers = new Headers(init?.headers);
      headers.delete("Authorization"); // session.fetch adds the present token, and after a 401 the next one
      return session.fetch(input, { ...init, headers });
    },
  },
});

session.addEventListener("signedout", () => supabase.removeAllChannels()); // Realtime goes on by itself otherwise
