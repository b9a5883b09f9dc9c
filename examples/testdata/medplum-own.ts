// Medplum's client as it refreshes by itself.
import { MedplumClient } from "@medplum/core";
import { expose } from "./tab";

const medplum = new MedplumClient({ baseUrl: import.meta.env.VITE_API, tokenUrl: `${location.origin}/token`, clientId: "spa" });

expose(undefined, (id) => medplum.readResource("Patient", id).then(() => 200, () => "refused"), {
  signIn: ({ access_token, refresh_token }: Record<string, string>) => medplum.setActiveLogin({
    accessToken: access_token, refreshToken: refresh_token, project: { reference: "Project/1" }, profile: { reference: "Practitioner/1" } }),
  signedIn: () => Boolean(medplum.getActiveLogin()),
});
