import { createApp, defineComponent, h } from "vue";
import { api, session } from "../session";
import { useResource, useVisit } from "../vue";
import { expose } from "./tab";

const Thing = defineComponent({
  props: { id: { type: String, required: true } },
  setup(props) {
    const { data, error } = useResource<{ user: string }>(() => `${api}/things?id=${props.id}`);
    return () => h("li", { id: props.id }, error.value ? `no ${(error.value as { code?: string }).code}` : data.value ? data.value.user : "…");
  },
});

const App = defineComponent({
  setup() {
    const visit = useVisit();
    return () => (visit.value ? h("ul", [h(Thing, { id: "a" }), h(Thing, { id: "b" })]) : h("p", "Signed out"));
  },
});

const main = document.body.appendChild(document.createElement("main"));
expose(session, async () => "", { show: () => void createApp(App).mount(main) });
