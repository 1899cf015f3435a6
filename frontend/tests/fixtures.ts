/** Answers as the server gives them, for the tests of the page only. */
import type { Activity, Backtest, Bars, Comparison, Components, Dashboard, Figure, Job, Mishap, Order, OrderLife, Position, Risk, Setting, StrategyState, StrategyType, Sweep, Trip } from "../src/api/types";

export const position: Position = {
  symbol: "AAPL",
  owner: "velez",
  side: "long",
  qty: "100",
  avg_entry_price: "165.0000",
  current_price: "166.1250",
  unrealized_pnl: "112.50",
  unrealized_pct: "0.6818",
  market_value: "16612.50",
  opened_at: "2025-11-26T15:02:00Z",
  protection: "planned",
  protection_level: "working",
  stop_price: "163.2000",
  take_profit_price: null,
  stop_order: { local_id: "a1-8", broker_id: "v-8", state: "accepted", qty: "100", stop_price: "163.2000", time_in_force: "gtc" },
  adopted: null,
  halted: false,
};

export const activity: Activity = {
  id: "live-31",
  timestamp: "2025-11-26T15:02:14Z",
  kind: "order_filled",
  event: "order_filled",
  symbol: "AAPL",
  message: "buy 100 at 165.00",
  correlation_id: "a1-c4",
  level: "info",
  strategy: "velez",
  order_id: "a1-7",
};

export const strategy: StrategyState = {
  name: "velez",
  symbol: "AAPL",
  symbols: ["AAPL"],
  enabled: true,
  status: "in_position",
  waiting_for: "its stop at 163.20 or a close below the fast average",
  indicators: { fast: 165.2, slow: 163.9 },
  bar_count: 212,
  required_bars: 201,
  interval_minutes: 2,
  errors: 0,
};

const told = (id: number, kind: string, symbol: string, message: string, level: Activity["level"] = "info"): Activity => ({
  ...activity,
  id: `live-${id}`,
  kind,
  event: kind,
  symbol,
  message,
  level,
  timestamp: `2025-11-26T15:0${id % 10}:14Z`,
});

export const dashboard: Dashboard = {
  account: { equity: "100412.505", cash: "83912.50", buying_power: "83912.50", margin_used: "16500.00", is_paper: true, start_of_day_equity: "100000.00" },
  positions: [position, { ...position, symbol: "MSFT", side: "short", qty: "40", avg_entry_price: "412.10", current_price: "414.55", unrealized_pnl: "-98.00", unrealized_pct: "-0.5945", stop_price: "416.00", protection_level: "partial" }],
  pnl: { today_pnl: "412.505", today_pnl_pct: "0.4125", unrealized_pnl: "14.50", realized_pnl: "398.005", total_equity: "100412.505", buying_power: "83912.50", cash: "83912.50", wins_today: 2, trips_today: 3 },
  strategies: [
    strategy,
    { ...strategy, symbol: "MSFT", status: "watching", waiting_for: "a narrow bar after a pullback; the next 2-minute bar closes at 15:04:00Z" },
    { ...strategy, symbol: "NVDA", status: "warming_up", bar_count: 80, waiting_for: "121 more bars" },
    { ...strategy, symbol: "AMD", status: "paused", enabled: false, waiting_for: "somebody to enable it" },
    { ...strategy, symbol: "SPY", status: "signal_active", waiting_for: "a price above 581.40" },
  ],
  recent_activity: [
    told(9, "stop_moved", "AAPL", "163.20 after 162.90"),
    told(8, "order_filled", "AAPL", "buy 100 at 165.00"),
    told(7, "order_submitted", "AAPL", "buy 100 stop 165.00"),
    told(6, "signal_detected", "AAPL", "long above 165.00, stop 163.20"),
    told(5, "signal_denied", "TSLA", "the position would be larger than 10% of the equity", "warning"),
    told(4, "order_rejected", "AMD", "the venue refused: insufficient buying power", "error"),
    told(3, "trade_closed", "NVDA", "long 50 from 120.00 to 121.50, profit 74.30"),
    told(2, "order_canceled", "NVDA", "the stop is no longer needed"),
  ],
  connection: { status: "connected", bar_stream: "connected", trade_stream: "reconnecting", last_bar_at: "2025-11-26T15:02:00Z" },
  session: {
    state: "running",
    mode: "paper",
    venue: "paper",
    trading_state: "active",
    entries_open: true,
    emergency_stop: false,
    started_at: "2025-11-26T14:20:00Z",
    market_open: true,
    next_open: "2025-11-28T14:30:00Z",
    next_close: "2025-11-26T21:00:00Z",
    version: "0.6.0",
    instance: "i-1",
    server_time: "2025-11-26T15:02:20Z",
  },
  alerts: [{ code: "market_data_stale", level: "warning", subject: "AMD", message: "no bar of AMD for 240 s while the market is open", since: "2025-11-26T14:58:20Z" }],
  sequence: 10,
};

export const order: Order = {
  local_id: "a1-7",
  broker_id: "v-7",
  correlation_id: "a1-c4",
  symbol: "AAPL",
  side: "buy",
  order_type: "stop",
  order_role: "entry",
  strategy: "velez",
  qty_requested: "100",
  qty_filled: "100",
  avg_fill_price: "165.0000",
  state: "filled",
  version: 4,
  submit_attempts: 1,
  parent_id: null,
  last_error: "",
  planned_stop_price: "163.2000",
  limit_price: null,
  stop_price: "165.0000",
  time_in_force: "day",
  created_at: "2025-11-26T15:02:00Z",
  updated_at: "2025-11-26T15:02:14Z",
};

const happened = (type: string, old_state: string | null, new_state: string, second: string, fill_price: string | null = null) => ({
  time: `2025-11-26T15:02:${second}Z`,
  type,
  old_state,
  new_state,
  qty_filled: fill_price && "100",
  fill_price,
  detail: "",
});

const kept = (id: number, kind: string, message: string) => ({
  id,
  time: `2025-11-26T15:0${id}:14Z`,
  kind,
  level: "info",
  strategy: "velez",
  symbol: "AAPL",
  message,
  order_id: "a1-7",
  correlation_id: "a1-c4",
});

export const life: OrderLife = {
  order,
  events: [
    happened("submitted", "pending_submit", "submitted", "00"),
    happened("accepted", "submitted", "accepted", "01"),
    happened("fill", "accepted", "filled", "14", "165.0000"),
  ],
  related: [kept(6, "signal_detected", "long above 165.00, stop 163.20"), kept(7, "order_submitted", "buy 100 stop 165.00")],
};

export const trip: Trip = {
  trade_id: "t-12",
  correlation_id: "a1-c4",
  symbol: "AAPL",
  side: "long",
  qty: "100",
  entry_price: "165.0000",
  exit_price: "168.0000",
  entry_at: "2025-11-26T15:02:14Z",
  exit_at: "2025-11-26T15:40:02Z",
  pnl: "299.30",
  pnl_pct: "1.8139",
  strategy: "velez",
  duration_seconds: 2268,
  commission: "0.70",
};

const start = Date.parse("2025-11-26T14:30:00Z");
const moment = (minute: number): string => new Date(start + minute * 60_000).toISOString();
const wave = (minute: number): number => 165 + Math.sin(minute / 9) * 1.5 + minute / 60;

export const bars: Bars = {
  intervals: ["2m", "1m"],
  more: false,
  faults: [],
  symbol: "AAPL",
  interval: "2m",
  bars: Array.from({ length: 90 }, (_, index) => {
    const [open, close] = [wave(index), wave(index + 1)];
    const [high, low] = [Math.max(open, close) + 0.2, Math.min(open, close) - 0.2];
    return { time: moment(index * 2), open: open.toFixed(2), high: high.toFixed(2), low: low.toFixed(2), close: close.toFixed(2), volume: String(1000 + (index % 7) * 300), complete: true };
  }),
  indicators: [
    { name: "sma_20", strategy: "velez", points: Array.from({ length: 90 }, (_, index) => [moment(index * 2), wave(index - 5) - 0.2] as const) },
    { name: "sma_200", strategy: "velez", points: Array.from({ length: 90 }, (_, index) => [moment(index * 2), 164 + index / 60] as const) },
  ],
  markers: [
    { time: moment(20), kind: "signal", side: "buy", price: "166.4", text: "long above 166.40", order_id: "", correlation_id: "a1-c4" },
    { time: moment(24), kind: "entry", side: "buy", price: "166.4", text: "bought 100 at 166.40", order_id: "a1-7", correlation_id: "a1-c4" },
    { time: moment(40), kind: "stop_moved", side: "sell", price: "165.2", text: "stop to 165.20", order_id: "a1-8", correlation_id: "a1-c4" },
    { time: moment(60), kind: "exit", side: "sell", price: "165.2", text: "sold 100 at 165.20", order_id: "a1-8", correlation_id: "a1-c4" },
    { time: moment(120), kind: "denied", side: "buy", price: "166.9", text: "the daily loss limit is nearly used", order_id: "", correlation_id: "a1-c9" },
  ],
  working: [{ order_id: "a1-8", role: "stop_loss", side: "sell", qty: "100", stop_price: "165.40", limit_price: null }],
};

export const risk: Risk = {
  trading_state: "active",
  emergency_stop: false,
  entries_open: true,
  breakers: [
    { name: "daily_loss", title: "Loss of the day", state: "normal", level: "812.50", limit: "2000.00", used_pct: "40.625", unit: "USD", reason: "", since: null },
    { name: "drawdown", title: "Fall from the peak", state: "normal", level: "8.2", limit: "10", used_pct: "82", unit: "percent", reason: "", since: null },
    { name: "losses_in_a_row", title: "Losses in a row", state: "tripped", level: "5", limit: "5", used_pct: "100", unit: "", reason: "five round trips in a row lost", since: "2025-11-26T14:58:20Z" },
  ],
  limits: [
    { name: "open_positions", title: "Open positions", value: "2", limit: "5", used_pct: "40", unit: "" },
    { name: "exposure", title: "Exposure", value: "16500.00", limit: "50000.00", used_pct: "33", unit: "USD" },
  ],
};

const setting: Setting = {
  key: "risk.max_risk_per_trade_pct",
  title: "max risk per trade pct",
  help: "what an entry may lose at its stop",
  kind: "number",
  value: "0.01",
  default: "0.01",
  source: "default",
  editable: true,
  minimum: "0.001",
  maximum: "0.05",
  choices: [],
  unit: "fraction",
  effect: "next_signal",
  secret: false,
};

export const settings: readonly Setting[] = [
  setting,
  { ...setting, key: "risk.max_open_positions", title: "max open positions", help: "positions held at once", kind: "integer", value: "5", default: "5", minimum: "1", maximum: "100", unit: "", source: "database" },
  { ...setting, key: "app.log_level", title: "log level", help: "how much the log tells", kind: "choice", value: "INFO", default: "INFO", minimum: null, maximum: null, choices: ["DEBUG", "INFO", "WARNING"], unit: "", effect: "at_once" },
  { ...setting, key: "watchlist", title: "watchlist", help: "what is traded", kind: "list", value: ["AAPL", "MSFT"], default: ["AAPL"], minimum: null, maximum: null, unit: "" },
  { ...setting, key: "alpaca.secret_key", title: "secret key", help: "of the broker", kind: "text", value: "••••", default: "", editable: false, minimum: null, maximum: null, unit: "", source: "environment", effect: "restart", secret: true },
  { ...setting, key: "strategies.velez.enabled", title: "velez", help: "whether it is asked", kind: "boolean", value: true, default: true, minimum: null, maximum: null, unit: "", effect: "at_once" },
];

export const components: Components = {
  status: "degraded",
  components: [
    { name: "feed", title: "Market data", status: "degraded", message: "no bar for 240 s while the market is open", consecutive_errors: 1, errors: 3, checked_at: "2025-11-26T15:02:20Z", since: "2025-11-26T15:01:20Z", figures: { last_bar_age_seconds: 240 } },
    { name: "gateway", title: "Broker", status: "healthy", message: "the stream of orders stands", consecutive_errors: 0, errors: 0, checked_at: "2025-11-26T15:02:20Z", since: "2025-11-26T14:20:00Z", figures: { submit_p50_ms: 1.9, submit_p99_ms: 12.4 } },
    { name: "store", title: "State store", status: "healthy", message: "the last commit was 0.2 s ago", consecutive_errors: 0, errors: 0, checked_at: "2025-11-26T15:02:20Z", since: "2025-11-26T14:20:00Z", figures: { commit_p99_ms: 4.1 } },
  ],
  alerts: dashboard.alerts,
};

export const mishaps: readonly Mishap[] = [
  { id: 7, time: "2025-11-26T15:10:00Z", level: "warning", kind: "bar_stream_down", subject: "", message: "the bar stream of paper broke: reset by peer", order_id: "", correlation_id: "" },
  { id: 6, time: "2025-11-26T15:09:00Z", level: "error", kind: "order_rejected", subject: "AMD", message: "insufficient buying power", order_id: "a1-3", correlation_id: "a1-c2" },
];

export const strategyTypes: readonly StrategyType[] = [
  {
    name: "velez",
    title: "Velez",
    description: "Buys narrow bars in a trend.",
    style: "signal",
    parameters: [
      { name: "fast", kind: "integer", default: "20", minimum: "2", maximum: "100", choices: [], help: "bars of the fast average" },
      { name: "slow", kind: "integer", default: "200", minimum: "10", maximum: "500", choices: [], help: "bars of the slow average" },
      { name: "direction", kind: "choice", default: "both", minimum: null, maximum: null, choices: ["long", "short", "both"], help: "which way" },
    ],
  },
];

const figures: readonly Figure[] = [
  { name: "total_return", label: "Total return", kind: "percent", value: "0.0421", text: "4.21 %" },
  { name: "sharpe", label: "Sharpe ratio", kind: "number", value: "1.32", text: "1.32" },
  { name: "max_drawdown", label: "Largest fall", kind: "percent", value: "-0.031", text: "−3.10 %" },
  { name: "win_rate", label: "Win rate", kind: "percent", value: "0.56", text: "56.00 %" },
];

const job: Job = {
  id: "b1",
  kind: "backtest",
  title: "velez on AAPL, MSFT",
  state: "done",
  progress: 1,
  message: "",
  created_at: "2025-11-26T15:00:00Z",
  started_at: "2025-11-26T15:00:01Z",
  ended_at: "2025-11-26T15:00:20Z",
  market: { kind: "made_up", name: "the made-up market" },
  figures,
  error: null,
  run: null,
  has_tearsheet: true,
};

const request = { strategy: "velez", symbols: ["AAPL", "MSFT"] };

export const jobs: readonly Job[] = [
  { ...job, id: "b2", state: "running", progress: 0.42, message: "2024-03-07", ended_at: null, figures: [] },
  job,
  { ...job, id: "b0", state: "failed", figures: [], error: { message: "there are no bars of XYZ", hint: "the made-up market has AAPL" } },
];

const equity = Array.from({ length: 60 }, (_, index) => [new Date(Date.UTC(2024, 0, 2 + index)).toISOString(), (100000 + index * 70 + Math.sin(index / 4) * 900).toFixed(2)] as const);

export const backtest: Backtest = {
  ...job,
  kind: "backtest",
  request,
  result: {
    start: "2024-01-02T14:30:00Z",
    end: "2024-03-01T21:00:00Z",
    interval: "2m",
    capital: "100000",
    final_equity: "104210.00",
    figures,
    equity,
    benchmark_symbol: "AAPL",
    benchmark: equity.map(([time, value]) => [time, (Number(value) - 1500).toFixed(2)] as const),
    problems: [{ time: "2024-01-05T15:00:00Z", kind: "order_denied", symbol: "MSFT", message: "not enough buying power" }],
    round_trips: [],
    more_round_trips: 0,
    more_problems: 0,
    counts: {},
    strategy_errors: 0,
    fingerprint: "f",
    assumptions: { slippage: "0.01" },
  },
};

export const comparison: Comparison = {
  items: [backtest, { ...backtest, id: "b3", title: "sma_cross on AAPL" }],
  figures: figures.map(({ name, label, kind, value, text }) => ({ name, label, kind, lower_is_better: false, values: [value, "1"], texts: [text, "1.00"], best: 0 })),
  differences: [{ name: "strategy", values: ["velez", "sma_cross"] }],
  curves: [
    { id: "b1", points: equity },
    { id: "b3", points: equity.map(([time, value]) => [time, (Number(value) - 2000).toFixed(2)] as const) },
  ],
};

const cells = ["30", "50", "100"].map((_, y) => ["5", "10", "15", "20"].map((_x, x) => (x === 3 && y === 0 ? null : (Math.sin(x + y * 2) * 1.4).toFixed(3))));

export const sweep: Sweep = {
  ...job,
  request,
  id: "s1",
  kind: "sweep",
  title: "sma_cross on AAPL, 12 trials",
  has_tearsheet: false,
  result: {
    metric: "sharpe",
    metric_label: "Sharpe ratio",
    summary: "12 trials (grid)",
    warning: ["the best of many trials is flattered by chance"],
    columns: [
      { name: "sharpe", label: "Sharpe ratio", kind: "number", lower_is_better: false },
      { name: "total_return", label: "Total return", kind: "percent", lower_is_better: false },
    ],
    rows: [0, 1, 2].map((trial) => ({ window: 0, sample: "all", trial, parameters: { fast: String(5 + trial * 5), slow: "50" }, status: "ok", error: "", values: [(1.4 - trial / 5).toFixed(4), "0.0213"] })),
    axes: [],
    steps: [],
    best: 0,
    heatmap: {
      x: { name: "fast", values: ["5", "10", "15", "20"], numeric: true },
      y: { name: "slow", values: ["30", "50", "100"], numeric: true },
      metric: "sharpe",
      lower_is_better: false,
      layers: [{ window: 0, cells, trials: cells.map((row, y) => row.map((_, x) => y * 4 + x)) }],
    },
  },
};
