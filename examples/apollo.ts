import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { api, session } from "./session";

// The server has to answer 401 to a token that it does not accept, and not 200 with an error in the body.
export const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: new HttpLink({ uri: `${api}/graphql`, fetch: (input, init) => session.fetch(input, init) }),
});

// What is cached belongs to the user who was signed in.
session.addEventListener("signedout", () => client.clearStore());
session.addEventListener("signedin", () => client.resetStore());
