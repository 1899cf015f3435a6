import { createRoot } from "react-dom/client";
import { App } from "./App";
import { enterByLink, loginGate } from "./api/access";
import { client } from "./api/client";
import { startFeed } from "./store/live";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/tables.css";
import "./styles/forms.css";
import "./styles/pages.css";

client.onUnauthorized(() => loginGate.ask());
const root = document.getElementById("root");
if (!root) throw new Error("the page has no place to draw in");
createRoot(root).render(<App />);
// Logged in first, where the link says with what, so that not a single call has to be asked about.
void enterByLink().then(startFeed);
