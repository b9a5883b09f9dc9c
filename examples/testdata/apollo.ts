import { gql, ServerError } from "@apollo/client";
import { client } from "../apollo";
import { session } from "../session";
import { expose } from "./tab";

const thing = gql`query Thing($id: ID!) { thing(id: $id) { id } }`;

const status = (error: any) => {
  if (ServerError.is(error)) return error.statusCode;
  throw error;
};

expose(session, (id) => client.query({ query: thing, variables: { id } }).then(() => 200, status), {
  cached: () => Object.keys(client.cache.extract() as object).length,
});
