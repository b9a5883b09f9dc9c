import { session } from "./session";

for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
  session.addEventListener(type, (event) => console.log(new Date().toISOString(), type, event.detail));
}
