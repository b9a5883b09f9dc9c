// Without its ticker, which would refresh at a time of its own.
export function session(AuthClient, name) {
  const client = new AuthClient({ url: `${location.origin}/supabase`, storageKey: name, autoRefreshToken: false, detectSessionInUrl: false });
  return {
    async getAccessToken() {
      const { data, error } = await client.getSession();
      if (error) throw error;
      return data.session?.access_token;
    },
    // What its sign-ins store. Its setSession asks the server about the user.
    signIn: (answer) => localStorage.setItem(name, JSON.stringify({
      ...answer, expires_at: Math.round(Date.now() / 1000) + answer.expires_in, user: { id: "u1" },
    })),
  };
}
