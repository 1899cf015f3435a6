import { client } from "./client";

/** The token that a link carries behind its `#`, if any. */
export function tokenOf(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token") ?? "";
}

/** Log in with the token of the link that was opened, and take it out of the address first, so that it stays nowhere. */
export async function enterByLink(): Promise<void> {
  const token = tokenOf(location.hash);
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    await client.logIn(token);
  } catch {
    // A link of an earlier session; the first call that needs more than reading asks for the token.
  }
}

type Listener = (isAsked: boolean) => void;

/** One question for the token at a time, however many calls need it. */
class LoginGate {
  private waiting: { promise: Promise<boolean>; settle: (entered: boolean) => void } | null = null;
  private listener: Listener = () => undefined;

  watch(listener: Listener): () => void {
    this.listener = listener;
    listener(this.waiting !== null);
    return () => (this.listener = () => undefined);
  }

  ask(): Promise<boolean> {
    if (!this.waiting) {
      let settle: (entered: boolean) => void = () => undefined;
      const promise = new Promise<boolean>((done) => (settle = done));
      this.waiting = { promise, settle };
      this.listener(true);
    }
    return this.waiting.promise;
  }

  settle(entered: boolean): void {
    this.waiting?.settle(entered);
    this.waiting = null;
    this.listener(false);
  }
}

export const loginGate = new LoginGate();
