const SHAPES = {
  overview: "M3 12l9-8 9 8M6 10v10h12V10",
  symbol: "M6 5v14M6 8h0M4 8h4v7H4zM12 3v18M10 6h4v9h-4zM18 6v14M16 10h4v6h-4z",
  orders: "M8 6h12M8 12h12M8 18h12M4 6h0M4 12h0M4 18h0",
  risk: "M12 3l8 3v6c0 5-3.4 8-8 9-4.6-1-8-4-8-9V6z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  health: "M3 12h4l3-7 4 14 3-7h4",
  backtests: "M3 12a9 9 0 1 0 3-6.7M3 4v5h5M12 8v4l3 2",
  sweeps: "M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z",
  stop: "M8 3h8l5 5v8l-5 5H8l-5-5V8z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  system: "M3 5h18v11H3zM9 20h6M12 16v4",
  close: "M6 6l12 12M18 6 6 18",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4 20h16",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
