/** Why a call did not succeed, in the server's own words where it gave some. */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
    this.name = "ApiFailure";
  }

  /** Nobody answered at all. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** The server has no such call; it may be older than the page. */
  get isMissingRoute(): boolean {
    return (this.status === 404 && this.code === "not_found") || this.status === 405;
  }
}

export function unreachable(): ApiFailure {
  return new ApiFailure(0, "unreachable", "the session does not answer", "it may have ended; `algo-trader start` starts one");
}

/** What an answer that is no success says; anything may stand in it. */
export function failureOf(status: number, body: unknown): ApiFailure {
  const error = (body as { error?: { code?: unknown; message?: unknown; hint?: unknown } } | null)?.error;
  if (error && typeof error.message === "string") {
    const code = typeof error.code === "string" ? error.code : "failed";
    return new ApiFailure(status, code, error.message, typeof error.hint === "string" ? error.hint : "");
  }
  return new ApiFailure(status, "failed", `the server answered ${status}`);
}

export function asFailure(error: unknown): ApiFailure {
  return error instanceof ApiFailure ? error : new ApiFailure(0, "page_error", error instanceof Error ? error.message : String(error));
}
