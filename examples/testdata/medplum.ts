import { OperationOutcomeError } from "@medplum/core";
import { medplum } from "../medplum";
import { session } from "../session";
import { expose } from "./tab";

const status = (error: unknown) => {
  if (error instanceof OperationOutcomeError) return error.outcome.id === "unauthorized" ? 401 : error.outcome.id;
  throw error;
};

let connected = 0;

expose(session, (id) => medplum.readResource("Patient", id).then(() => 200, status), {
  profile: () => medplum.getProfile()?.id ?? "",
  authenticated: () => medplum.isAuthenticated(),
  subscribe: () => medplum.subscribeToCriteria("Communication").addEventListener("connect", () => connected++),
  connected: () => connected,
});
