// The usual way to do it: the token that was good when the page was loaded is in the URL for ever.
import { session } from "../session";
import { expose } from "./tab";

const heard: string[] = [];
let attempts = 0;

expose(session, async () => "", {
  heard, attempts: () => attempts,
  listen: async () => {
    const token = await session.getAccessToken();
    const connect = () => {
      attempts++;
      const socket = new WebSocket(`${import.meta.env.VITE_API.replace(/^http/, "ws")}/stream?token=${token}`);
      socket.onmessage = ({ data }) => heard.push(data);
      socket.onclose = () => setTimeout(connect, 50);
    };
    connect();
  },
});
