/** `order_submitted` as people write it: Order submitted. */
export function words(name: string | null | undefined): string {
  const text = (name ?? "").replaceAll("_", " ").trim();
  return text && text.charAt(0).toUpperCase() + text.slice(1);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** The first letter large and a full stop behind, for sentences of the server; an id stays as it is. */
export function sentence(text: string): string {
  const found = text.trim();
  const isName = /^\S*[\d_]\S*$/.test(found);
  if (!found || isName) return found;
  const first = /^[a-z]+\b(?![-_:.]\w)/.test(found) ? found.charAt(0).toUpperCase() + found.slice(1) : found;
  return first + (/[.!?…]$/.test(found) ? "" : ".");
}
