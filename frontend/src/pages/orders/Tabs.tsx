import { Link } from "../../ui/Link";

const TABS = [
  ["orders", "Orders"],
  ["round-trips", "Round trips"],
] as const;

export function OrdersTabs({ at }: { at: "orders" | "round-trips" }) {
  return (
    <nav className="tabs" aria-label="Orders or round trips">
      {TABS.map(([path, name]) => (
        <Link key={path} href={`/${path}`} aria-current={at === path ? "page" : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
