import { useState } from "react";
import type { Position } from "../../api/types";
import { quantity } from "../../format/decimal";
import { words } from "../../format/words";
import { useDashboard } from "../../store/live";
import { Link, symbolLink } from "../../ui/Link";
import { Badge, Button, Card, Empty, type Tone } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { Money, Percent, Price } from "../../ui/values";
import { PositionDialog } from "./PositionDialog";

const PROTECTION: Readonly<Record<string, readonly [Tone, string]>> = {
  working: ["good", "The stop works at the venue"],
  daily: ["good", "The stop works today and is placed again before the next open"],
  synthetic: ["info", "A stop-limit protects the position"],
  dormant: ["info", "The stop waits for the market to open"],
  in_flight: ["fair", "The stop is on its way to the venue"],
  closing: ["info", "An exit is under way"],
  partial: ["bad", "The stop covers only a part of the position"],
  unknown: ["bad", "Nobody has confirmed the fate of the stop"],
  missing: ["bad", "There is no stop"],
  none: ["", "Declared to need no stop, or not ours"],
};

type Choose = (position: Position) => void;

function columns(choose: Choose): readonly Column<Position>[] {
  return [
    { title: "Symbol", csv: (row) => row.symbol, show: (row) => <Link href={symbolLink(row.symbol)} className="strong">{row.symbol}</Link> },
    { title: "Side", csv: (row) => row.side, show: (row) => <Badge tone={row.side === "short" ? "violet" : "info"}>{words(row.side)}</Badge> },
    { title: "Quantity", number: true, csv: (row) => row.qty, show: (row) => quantity(row.qty) },
    { title: "Entry", number: true, csv: (row) => row.avg_entry_price, show: (row) => <Price value={row.avg_entry_price} /> },
    { title: "Last", number: true, csv: (row) => row.current_price, show: (row) => <Price value={row.current_price} flash /> },
    { title: "P&L", number: true, csv: (row) => row.unrealized_pnl, show: (row) => <Money value={row.unrealized_pnl} signed /> },
    { title: "P&L %", number: true, csv: (row) => row.unrealized_pct, show: (row) => <Percent value={row.unrealized_pct} signed /> },
    { title: "Stop", number: true, csv: (row) => row.stop_price, show: (row) => <Price value={row.stop_price} flash /> },
    { title: "Protection", csv: (row) => row.protection_level, show: (row) => <Protection level={row.protection_level} /> },
    { title: "Strategy", csv: (row) => row.owner, show: (row) => <span className="muted">{row.owner}</span> },
    { title: "Action", show: (row) => <Manage position={row} choose={choose} /> },
  ];
}

function Protection({ level }: { level: string }) {
  const [tone, title] = PROTECTION[level] ?? (["", ""] as const);
  return (
    <Badge tone={tone} title={title}>
      {words(level)}
    </Badge>
  );
}

function Manage({ position, choose }: { position: Position; choose: Choose }) {
  return (
    <Button look="small" aria-haspopup="dialog" aria-label={`Manage ${position.symbol} of ${position.owner}`} onClick={() => choose(position)}>
      Manage…
    </Button>
  );
}

const keyOf = (row: Position): string => `${row.symbol} ${row.owner}`;

export function Positions() {
  const positions = useDashboard((dashboard) => dashboard.positions);
  const [chosen, setChosen] = useState<Position | null>(null);
  const shown = columns(setChosen);
  const rows = positions ?? [];
  // The bounds in the dialog follow the market; a position that has gone meanwhile is refused by the server.
  const current = chosen && (rows.find((row) => keyOf(row) === keyOf(chosen)) ?? chosen);
  return (
    <Card title="Positions" bare tools={rows.length > 0 && <CsvButton name="positions" columns={shown} read={() => rows} />} className="positions">
      {rows.length > 0 ? (
        <Table label="Positions" columns={shown} rows={rows} keyOf={keyOf} />
      ) : (
        <Empty title={positions ? "No open positions" : "\u00a0"}>{positions ? "A position appears here the moment an entry is filled." : ""}</Empty>
      )}
      {current && <PositionDialog position={current} onClose={() => setChosen(null)} />}
    </Card>
  );
}
