import { failureOf, unreachable } from "./failure";

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface Call {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** Asks a person to log in; true when that succeeded. */
type Login = () => Promise<boolean>;

/** Speaks HTTP with the session that the page was loaded from. */
export class Client {
  private login: Login = () => Promise.resolve(false);

  constructor(private readonly fetch: Fetch = (input, init) => globalThis.fetch(input, init)) {}

  /** What is done when an answer says that one has to log in; the call is made once more after it. */
  onUnauthorized(login: Login): void {
    this.login = login;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, { ...(query && { query }), ...(signal && { signal }) });
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.call<T>("POST", path, { body });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>("PUT", path, { body });
  }

  delete<T>(path: string): Promise<T> {
    return this.call<T>("DELETE", path, {});
  }

  /** Log in with a token; nobody is asked again when it is wrong. */
  async logIn(token: string): Promise<void> {
    await read(await this.send("POST", "/api/login", { body: { token } }));
  }

  private async call<T>(method: string, path: string, call: Call): Promise<T> {
    let answer = await this.send(method, path, call);
    if (answer.status === 401 && (await this.login())) answer = await this.send(method, path, call);
    return (await read(answer)) as T;
  }

  private async send(method: string, path: string, { query, body, signal }: Call): Promise<Response> {
    const init: RequestInit = { method, credentials: "same-origin", headers: { accept: "application/json" } };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...init.headers, "content-type": "application/json" };
    }
    if (signal) init.signal = signal;
    try {
      return await this.fetch(path + queryText(query), init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw unreachable();
    }
  }
}

/** What stands behind the question mark; empty values are left out. */
export function queryText(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  let body: unknown = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    body = null;
  }
  if (!answer.ok) throw failureOf(answer.status, body);
  return body;
}

export const client = new Client();
