import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { go } from "../router";

/** A link inside the page: no loading anew, but everything else that a link can do. */
export function Link({ href, onClick, ...more }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...more} />;
}

export const symbolLink = (symbol: string): string => `/symbol/${encodeURIComponent(symbol)}`;
export const orderLink = (id: string): string => `/orders/${encodeURIComponent(id)}`;
export const tradeLink = (correlation: string): string => `/orders?correlation_id=${encodeURIComponent(correlation)}`;
