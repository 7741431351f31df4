import "./styles/index.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { begin } from "./state/session";

const root = document.getElementById("root");
if (root === null) {
  throw new Error("index.html has an element #root");
}
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
void begin();
