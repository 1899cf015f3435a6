import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  HistogramSeries,
  LineSeries,
  LineStyle,
  LineType,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type LineData,
  type Time,
} from "lightweight-charts";
import type { Bar, Bars, IndicatorLine } from "../../api/types";
import { words } from "../../format/words";
import { candle, marksOf, stopPath, timeOf, volume } from "./marks";
import { palette, type Palette } from "./palette";

const SHOWN_AT_FIRST = 160;

/** TradingView's chart with our figures. Pixels need no exactness, so prices become floats here and nowhere else. */
export class PriceChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  private readonly stop: ISeriesApi<"Line">;
  private readonly marks: ISeriesMarkersPluginApi<Time>;
  private readonly lines = new Map<string, ISeriesApi<"Line">>();
  private working: IPriceLine[] = [];
  private colors: Palette = palette();
  private data: Bars | null = null;
  private last = 0;

  constructor(place: HTMLElement) {
    // The library's own mark would bring a style of its own, which the policy forbids; the foot of the page names it instead.
    this.chart = createChart(place, { autoSize: true, layout: { attributionLogo: false, fontFamily: getComputedStyle(place).fontFamily } });
    this.volumes = this.chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.stop = this.chart.addSeries(LineSeries, { lineWidth: 2, lineStyle: LineStyle.Dashed, lineType: LineType.WithSteps, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false });
    this.marks = createSeriesMarkers(this.candles, []);
    this.chart.timeScale().applyOptions({ timeVisible: true, secondsVisible: false, rightOffset: 6 });
    this.paint();
  }

  remove(): void {
    this.chart.remove();
  }

  /** Take over the colours of the theme. */
  paint(): void {
    const colors = (this.colors = palette());
    this.chart.applyOptions({
      layout: { background: { color: colors.ground }, textColor: colors.text },
      grid: { vertLines: { color: colors.line }, horzLines: { color: colors.line } },
      rightPriceScale: { borderColor: colors.line },
      timeScale: { borderColor: colors.line },
    });
    this.candles.applyOptions({ upColor: colors.gain, downColor: colors.loss, wickUpColor: colors.gain, wickDownColor: colors.loss });
    this.volumes.applyOptions({ color: colors.line });
    this.stop.applyOptions({ color: colors.loss });
    if (this.data) this.show(this.data);
  }

  show(data: Bars): void {
    const isFirst = this.data?.symbol !== data.symbol || this.data.interval !== data.interval;
    this.data = data;
    this.last = timeOf(data.bars.at(-1)?.time ?? "") || 0;
    this.candles.setData(data.bars.map(candle));
    this.volumes.setData(data.bars.map(volume));
    this.stop.setData(stopPath(data));
    this.marks.setMarkers(marksOf(data, this.colors));
    this.indicators(data.indicators);
    this.workingLines(data);
    if (isFirst) this.frame(data.bars.length);
  }

  /** The bar that has just closed; one before it is not told again. */
  update(bar: Bar): void {
    const time = timeOf(bar.time);
    if (time < this.last) return;
    this.last = time;
    this.candles.update(candle(bar));
    this.volumes.update(volume(bar));
  }

  /** Begin with the last bars, or with all where they are few. */
  private frame(count: number): void {
    if (count > SHOWN_AT_FIRST) this.chart.timeScale().setVisibleLogicalRange({ from: count - SHOWN_AT_FIRST, to: count + 5 });
    else this.chart.timeScale().fitContent();
  }

  private indicators(found: readonly IndicatorLine[]): void {
    const names = new Set(found.map(({ name, strategy }) => `${strategy} ${name}`));
    for (const [name, line] of this.lines) {
      if (names.has(name)) continue;
      this.chart.removeSeries(line);
      this.lines.delete(name);
    }
    found.forEach(({ name, strategy, points }, index) => {
      const key = `${strategy} ${name}`;
      const line = this.lines.get(key) ?? this.chart.addSeries(LineSeries, { lineWidth: 2, priceLineVisible: false, crosshairMarkerVisible: false, title: words(name) });
      this.lines.set(key, line);
      line.applyOptions({ color: this.colors.lines[index % this.colors.lines.length] ?? this.colors.text });
      line.setData(points.filter(([, value]) => value !== null).map(([time, value]): LineData => ({ time: timeOf(time), value })));
    });
  }

  private workingLines({ working }: Bars): void {
    for (const line of this.working) this.candles.removePriceLine(line);
    this.working = working.flatMap(({ role, stop_price, limit_price }) => {
      const price = stop_price ?? limit_price;
      if (!price) return [];
      const isStop = role.includes("stop");
      const color = isStop ? this.colors.loss : role.includes("profit") ? this.colors.gain : this.colors.accent;
      return [this.candles.createPriceLine({ price: Number(price), color, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true, title: words(role) })];
    });
  }
}
