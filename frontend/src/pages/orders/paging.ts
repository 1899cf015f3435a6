import { client, type Query } from "../../api/client";
import type { Page } from "../../api/types";

export const LIMIT = 50;
const LARGEST = 1000;
const MOST = 100_000;

/** Everything that fits, page by page; for files. */
export async function everything<T>(path: string, query: Query): Promise<readonly T[]> {
  const found: T[] = [];
  for (;;) {
    const page = await client.get<Page<T>>(path, { ...query, limit: LARGEST, offset: found.length });
    found.push(...page.items);
    if (!page.more || page.items.length === 0 || found.length >= MOST) return found;
  }
}
