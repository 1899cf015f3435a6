import type { SweepResult, SweepStep } from "../../api/types";
import { fraction } from "../../format/decimal";
import { words } from "../../format/words";
import { Card } from "../../ui/parts";
import { CsvButton, Table, type Column } from "../../ui/Table";
import { figure, kindOf } from "./figures";

/** Each window of a walk-forward: what was chosen on its training, and what became of it on days that the choice had not seen. */
export function Steps({ result }: { result: SweepResult }) {
  if (result.steps.length === 0) return null;
  const kind = kindOf(result);
  const columns: readonly Column<SweepStep>[] = [
    { title: "Window", number: true, csv: (step) => step.window, show: (step) => step.window },
    { title: "Trained on", csv: (step) => `${step.train_start} to ${step.train_end}`, show: (step) => `${step.train_start} – ${step.train_end}` },
    { title: "Tested on", csv: (step) => `${step.test_start} to ${step.test_end}`, show: (step) => `${step.test_start} – ${step.test_end}` },
    { title: "Chosen", csv: chosen, show: chosen },
    { title: `${result.metric_label} in training`, number: true, csv: (step) => step.trained, show: (step) => figure(step.trained, kind) },
    { title: `${result.metric_label} in the test`, number: true, csv: (step) => step.tested, show: (step) => figure(step.tested, kind) },
    { title: "Return of the test", number: true, csv: (step) => step.test_return, show: (step) => fraction(step.test_return) },
  ];
  return (
    <Card title="Walk-forward" bare tools={<CsvButton name="walk-forward" columns={columns} read={() => result.steps} />}>
      <Table label="Windows of the walk-forward" columns={columns} rows={result.steps} keyOf={(step) => step.window} />
    </Card>
  );
}

const chosen = ({ parameters }: SweepStep): string => Object.entries(parameters).map(([name, value]) => `${words(name)} ${value}`).join(", ") || "–";
