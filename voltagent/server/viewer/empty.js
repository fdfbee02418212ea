// What an empty store says: how to get the first trace.

import { copyButton, element } from "./dom.js";

const FIRST = `from voltagent import VoltAgentSDK, agent, tool

@tool
def look_up(order: str) -> str:
    return "on its way"

@agent
def clerk(order: str) -> str:
    return look_up(order)

with VoltAgentSDK():
    print(clerk("A-1001"))
`;

/** The lines of code that record a first trace. */
export function emptyStore() {
  return element(
    "div",
    { class: "empty" },
    element("h2", {}, "No traces yet"),
    element("p", {}, "Run a program that records, and it appears here by itself. The shortest one:"),
    element("div", { class: "code" }, copyButton(() => FIRST), element("pre", {}, FIRST)),
    element("p", { class: "dim" }, "Without keys, records go to the local store that this page reads. ",
      "If your program names another file (VOLTAGENT_LOCAL_PATH), start this page with it: voltagent ui --db FILE"),
  );
}
