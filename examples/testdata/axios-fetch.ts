import axios from "axios";
import { api } from "../axios-fetch";
import { session } from "../session";
import { expose } from "./tab";

const status = (error: any) => {
  if (axios.isAxiosError(error) && error.response) return error.response.status;
  throw error;
};

expose(session, (id) => api.get(`/things?id=${id}`).then(({ status }) => status, status), {
  post: (id: string) => api.post(`/things?id=${id}`, { text: "hello" }).then(({ data }) => data),
  abroad: (url: string) => api.get(url).then(({ status }) => String(status), (error) => String(error.code)),
  abort: async () => {
    const controller = new AbortController();
    const asked = api.get("/things?id=aborted", { signal: controller.signal }).then(() => "an answer", (error) => String(axios.isCancel(error)));
    controller.abort();
    return asked;
  },
});
