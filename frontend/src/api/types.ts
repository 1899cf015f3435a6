/** What the server says, under the page's names. The forms themselves are generated from the server: see schema.ts. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type Position = Schemas["Position"];
export type Pnl = Schemas["Pnl"];
export type DayEquity = Schemas["DayEquity"];
export type StrategyState = Schemas["StrategyState"];
export type Connection = Schemas["Connection"];
export type SessionInfo = Schemas["SessionInfo"];
export type Alert = Schemas["Alert"];
export type Snapshot = Schemas["Snapshot"];
export type Bar = Schemas["BarValues"];
export type Marker = Schemas["Marker"];
export type Working = Schemas["WorkingOrder"];
export type IndicatorLine = Schemas["ChartLine"];
export type Bars = Schemas["Chart"];
export type Order = Schemas["Order"];
export type OrderEvent = Schemas["OrderEvent"];
export type OrderLife = Schemas["OrderLife"];
export type Trip = Schemas["RoundTrip"];
export type Note = Schemas["Note"];
export type Risk = Schemas["Risk"];
export type Breaker = Risk["breakers"][number];
export type Limit = Risk["limits"][number];
export type Setting = Schemas["SettingItem"];
export type SettingValue = Setting["value"] | number | null;
export type Applied = Schemas["SettingsApplied"];
export type Parameter = Schemas["ParameterItem"];
export type StrategyType = Schemas["StrategyType"];
export type Figure = Schemas["Figure"];
export type Backtest = Schemas["BacktestJob"];
export type Comparison = Schemas["Comparison"];
export type HeatMap = Schemas["HeatMap"];
export type SweepRow = Schemas["SweepRow"];
export type SweepStep = Schemas["SweepStep"];
export type SweepResult = Schemas["SweepResultModel"];
export type Sweep = Schemas["SweepJob"];
export type JobNews = Schemas["JobNews"];
export type Component = Schemas["Component"];
export type Components = Schemas["Components"];
export type Mishap = Schemas["Failure"];
export type Message = Schemas["StreamMessage"];

/** What the stream tells while it happens. */
export type Activity = Schemas["Happening"];

/** The same, or as the database keeps it. */
export type Told = Activity | Schemas["Activity"];

/** A backtest or a sweep as far as they are alike. */
export type Job = Omit<Backtest, "kind" | "result" | "request"> & { readonly kind: "backtest" | "sweep" };

export type Dashboard = Snapshot & { readonly sequence?: number };

/** A time and an amount. */
export type Point = readonly [string, string];

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
  readonly limit: number;
  readonly offset?: number;
}

/** An action was taken. */
export interface Accepted {
  readonly accepted?: boolean;
  readonly message?: string;
}
