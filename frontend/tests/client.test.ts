import { describe, expect, it } from "vitest";
import { tokenOf } from "../src/api/access";
import { Client, queryText } from "../src/api/client";
import { ApiFailure } from "../src/api/failure";

interface Call {
  path: string;
  init: RequestInit;
}

function clientThat(...answers: (() => Response)[]): { client: Client; calls: Call[] } {
  const calls: Call[] = [];
  const client = new Client((path, init = {}) => {
    calls.push({ path, init });
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError("network"));
  });
  return { client, calls };
}

const json = (body: unknown, status = 200) => () => new Response(JSON.stringify(body), { status });
const refused = json({ error: { code: "token_missing", message: "log in first", hint: "" } }, 401);

describe("the client", () => {
  it("reads, and leaves out of the address what is empty", async () => {
    const { client, calls } = clientThat(json({ items: [] }));
    expect(await client.get("/api/orders", { symbol: "BRK.B", state: "", limit: 50, offset: 0 })).toEqual({ items: [] });
    expect(calls[0]?.path).toBe("/api/orders?symbol=BRK.B&limit=50&offset=0");
    expect(queryText({ since: undefined, text: "a&b" })).toBe("?text=a%26b");
  });

  it("sends JSON", async () => {
    const { client, calls } = clientThat(json({ accepted: true }, 202));
    await client.post("/api/halt", { reason: "a drill" });
    expect(calls[0]?.init).toMatchObject({ method: "POST", body: '{"reason":"a drill"}', credentials: "same-origin" });
  });

  it("says no in the server's words", async () => {
    const { client } = clientThat(json({ error: { code: "bad_setting", message: "0.1 is out of bounds; allowed is 0.001 to 0.05", hint: "" } }, 400));
    await expect(client.put("/api/settings", {})).rejects.toMatchObject({ status: 400, code: "bad_setting", message: "0.1 is out of bounds; allowed is 0.001 to 0.05" });
  });

  it.each([
    ["no JSON", () => new Response("<html>", { status: 502 }), 502, "the server answered 502"],
    ["an error of another form", json({ detail: "x" }, 500), 500, "the server answered 500"],
  ])("survives %s", async (_name, answer, status, message) => {
    await expect(clientThat(answer).client.get("/api/x")).rejects.toMatchObject({ status, message });
  });

  it("tells a call that does not exist from a thing that does not", () => {
    expect(new ApiFailure(404, "not_found", "").isMissingRoute).toBe(true);
    expect(new ApiFailure(404, "unknown_symbol", "").isMissingRoute).toBe(false);
  });

  it("says that nobody answers", async () => {
    await expect(clientThat().client.get("/api/x")).rejects.toMatchObject({ isUnreachable: true });
  });

  it("asks for the token once and then makes the call again", async () => {
    const { client, calls } = clientThat(refused, json({ accepted: true }));
    let asked = 0;
    client.onUnauthorized(() => Promise.resolve(++asked === 1));
    expect(await client.post("/api/halt")).toEqual({ accepted: true });
    expect([asked, calls.length]).toEqual([1, 2]);
  });

  it("gives up when nobody logs in", async () => {
    const { client, calls } = clientThat(refused);
    client.onUnauthorized(() => Promise.resolve(false));
    await expect(client.post("/api/halt")).rejects.toMatchObject({ status: 401 });
    expect(calls).toHaveLength(1);
  });

  it("does not ask anew because a token was wrong", async () => {
    const { client } = clientThat(refused);
    let asked = 0;
    client.onUnauthorized(() => Promise.resolve(++asked > 0));
    await expect(client.logIn("wrong")).rejects.toMatchObject({ status: 401 });
    expect(asked).toBe(0);
  });

  it("finds the token of a link", () => {
    expect(tokenOf("#token=a-b_c")).toBe("a-b_c");
    expect(tokenOf("#token=a%2Bb&more=1")).toBe("a+b");
    expect(tokenOf("#section")).toBe("");
  });
});
