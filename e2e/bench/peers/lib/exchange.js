// https://www.rfc-editor.org/rfc/rfc6749#section-6
export async function exchange(refreshToken) {
  const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken, client_id: "demo" });
  const response = await fetch("/token", { method: "POST", body });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}
