import type { ButtonHTMLAttributes, ReactNode } from "react";
import type { ApiFailure } from "../api/failure";
import { sentence } from "../format/words";

export type Tone = "good" | "fair" | "bad" | "info" | "violet" | "";

interface CardProps {
  title?: ReactNode;
  tools?: ReactNode;
  bare?: boolean;
  children: ReactNode;
  className?: string;
}

export function Card({ title, tools, bare = false, children, className = "" }: CardProps) {
  return (
    <section className={`card ${className}`}>
      {(title || tools) && (
        <header className="card-head">
          {typeof title === "string" ? <h2>{title}</h2> : title}
          {tools && <div className="tools">{tools}</div>}
        </header>
      )}
      {bare ? children : <div className="card-body">{children}</div>}
    </section>
  );
}

export function Button({ look = "", className = "", ...more }: ButtonHTMLAttributes<HTMLButtonElement> & { look?: string }) {
  return <button type="button" className={`button ${look} ${className}`} {...more} />;
}

export function Badge({ tone = "", children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

export function Empty({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className="empty">
      <b>{title}</b>
      {children && <span>{children}</span>}
    </div>
  );
}

/** Why something cannot be shown, in the server's words, or plainly that this server does not know of it. */
export function Failure({ failure, what }: { failure: ApiFailure; what: string }) {
  if (failure.isMissingRoute) {
    return <Empty title={`This server does not offer ${what}`}>It may be older than this page. Everything else works as usual.</Empty>;
  }
  return <Empty title={sentence(failure.message)}>{failure.hint && sentence(failure.hint)}</Empty>;
}

/** How much of a limit is used, with the colour of a warning from three quarters on. */
export function Meter({ percent, label, tripped = false }: { percent: number; label: string; tripped?: boolean }) {
  const width = Math.max(0, Math.min(100, Number.isFinite(percent) ? percent : 0));
  const tone = tripped || width >= 100 ? "bad" : width >= 75 ? "fair" : "";
  return (
    <div className={`meter ${tone}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(width)}>
      <i style={{ width: `${width}%` }} />
    </div>
  );
}

export function PageHead({ title, children, tools }: { title: ReactNode; children?: ReactNode; tools?: ReactNode }) {
  return (
    <div className="page-head">
      <h1>{title}</h1>
      {children}
      {tools && <div className="tools">{tools}</div>}
    </div>
  );
}

export function Facts({ items }: { items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
