import { client } from "../../api/client";
import type { Comparison } from "../../api/types";
import { decimal } from "../../format/decimal";
import { words } from "../../format/words";
import { useData } from "../../store/data";
import { Link } from "../../ui/Link";
import { Card, Empty, Failure, PageHead } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { Curves } from "../../ui/Curves";

interface Line {
  name: string;
  label: string;
  texts: readonly (string | null)[];
  best: number | null;
}

export function Compare({ ids }: { ids: string }) {
  const { data, failure } = useData(ids, (signal) => client.get<Comparison>("/api/backtests/compare", { ids }, signal));
  return (
    <>
      <PageHead title="Backtests compared" tools={<Link href="/backtests">All backtests</Link>} />
      {!data && <Card>{failure ? <Failure failure={failure} what="a comparison" /> : <Empty title={"\u00a0"} />}</Card>}
      {data && <Side data={data} />}
    </>
  );
}

function Side({ data }: { data: Comparison }) {
  const lines: readonly Line[] = [
    ...data.differences.map((one) => ({ name: `asked ${one.name}`, label: words(one.name), texts: one.values, best: null })),
    ...data.figures,
  ];
  const columns: readonly Column<Line>[] = [
    { title: "Figure", csv: (row) => row.label, show: (row) => row.label },
    ...data.items.map((job, index): Column<Line> => ({
      title: `${index + 1}. ${job.title}`,
      number: true,
      csv: (row) => row.texts[index],
      show: (row) => <span className={row.best === index ? "gain strong" : ""}>{row.texts[index] ?? "–"}</span>,
    })),
  ];
  const name = (id: string): string => `${data.items.findIndex((job) => job.id === id) + 1}. ${data.items.find((job) => job.id === id)?.title ?? id}`;
  return (
    <>
      <Card title="Growth of 100">
        <Curves curves={data.curves.map(({ id, points }) => ({ name: name(id), points }))} label="Growth of 100 in each backtest" amount={(value) => decimal(value, { least: 2, most: 2 })} />
      </Card>
      <Card title="Figures" bare tools={<CsvButton name="comparison" columns={columns} read={() => lines} />}>
        <Table label="Figures of the backtests" columns={columns} rows={lines} keyOf={(row) => row.name} />
      </Card>
    </>
  );
}
