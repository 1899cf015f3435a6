import { useEffect, useState } from "react";
import { loginGate } from "../api/access";
import { client } from "../api/client";
import { asFailure } from "../api/failure";
import { sentence } from "../format/words";
import { feed } from "../store/live";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Field";

/** Asks for the token when a call needs it. */
export function Login() {
  const [isAsked, setAsked] = useState(false);
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => loginGate.watch(setAsked), []);
  if (!isAsked) return null;
  const leave = (entered: boolean): void => {
    setToken("");
    setWrong("");
    loginGate.settle(entered);
    if (entered) feed.hurry();
  };
  const enter = (): void => {
    client.logIn(token.trim()).then(
      () => leave(true),
      (error: unknown) => setWrong(explain(error)),
    );
  };
  return (
    <Dialog title="Log in" submit="Log in" disabled={!token.trim()} onSubmit={enter} onClose={() => leave(false)}>
      <p className="muted">
        This needs the session’s token. It stands in the file that <code>algo-trader start</code> names; the link printed there
        carries it too.
      </p>
      <TextField label="Token" type="password" autoFocus value={token} wrong={wrong} onChange={(event) => setToken(event.target.value)} />
    </Dialog>
  );
}

function explain(error: unknown): string {
  const failure = asFailure(error);
  if (failure.isMissingRoute) return "This server cannot log anybody in; use the command line.";
  return sentence(failure.message);
}
