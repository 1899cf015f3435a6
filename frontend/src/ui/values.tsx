import { useEffect, useRef, useState } from "react";
import { compare, isRounded, money, percent, price, signOf } from "../format/decimal";
import { useSessionNow } from "../store/live";
import { dayAndTime, duration, milliseconds, timeOfDay, utc } from "../format/time";

type Value = string | null | undefined;

function tone(value: Value): string {
  const sign = signOf(value);
  return sign > 0 ? "gain" : sign < 0 ? "loss" : "";
}

/** Money to the cent; the exact amount on hover where there is more. */
export function Money({ value, signed = false }: { value: Value; signed?: boolean }) {
  return (
    <span className={signed ? tone(value) : ""} title={isRounded(value) ? `exactly ${value}` : undefined}>
      {money(value, signed)}
    </span>
  );
}

export function Percent({ value, signed = false }: { value: Value; signed?: boolean }) {
  return <span className={signed ? tone(value) : ""}>{percent(value, signed)}</span>;
}

/** A price that lights up for a moment when it changes. */
export function Price({ value, flash = false }: { value: Value; flash?: boolean }) {
  const change = useChange(flash ? value : null);
  return (
    <span key={change.count} className={change.count ? (change.up ? "flash-up" : "flash-down") : ""}>
      {price(value)}
    </span>
  );
}

function useChange(value: Value): { count: number; up: boolean } {
  const [change, setChange] = useState({ count: 0, up: true });
  const before = useRef(value);
  useEffect(() => {
    const old = before.current;
    before.current = value;
    if (!old || !value || old === value) return;
    setChange(({ count }) => ({ count: count + 1, up: compare(value, old) > 0 }));
  }, [value]);
  return change;
}

/** A moment in exchange time, in UTC on hover. */
export function Time({ value, full = false }: { value: Value; full?: boolean }) {
  if (!value) return <span className="muted">–</span>;
  return (
    <time dateTime={value} title={utc(value)}>
      {full ? dayAndTime(value) : timeOfDay(value)}
    </time>
  );
}

/** How long ago something was, kept current. */
export function Ago({ value }: { value: Value }) {
  const now = useSessionNow();
  const moment = milliseconds(value);
  if (Number.isNaN(moment)) return <span className="muted">never</span>;
  return (
    <time dateTime={value ?? ""} title={`${dayAndTime(value)} in New York, ${utc(value)}`}>
      {duration((now - moment) / 1000)} ago
    </time>
  );
}
