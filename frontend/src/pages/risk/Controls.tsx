import { useState } from "react";
import { words } from "../../format/words";
import { halt } from "../../store/act";
import { Icon } from "../../ui/Icon";
import { Badge, Button, Card } from "../../ui/parts";
import { ConfirmDialog, type Deed } from "./ConfirmDialog";

const RESUME: Deed = {
  path: "/api/resume",
  title: "Resume trading",
  phrase: "resume trading",
  text: "Entries are allowed again. Find out first why trading was halted.",
};
const FLATTEN: Deed = {
  path: "/api/flatten",
  title: "Close every position",
  phrase: "flatten",
  text: "Every position of ours is closed at the market. Trading goes on afterwards; halt it first if that is not what you want.",
  isDangerous: true,
};
const EMERGENCY: Deed = {
  path: "/api/emergency-stop",
  title: "Emergency stop",
  phrase: "emergency stop",
  text: "All orders are cancelled, all positions are closed, and trading stays halted until somebody resumes it.",
  isDangerous: true,
  isConfirmedHere: true,
};
const SHUTDOWN: Deed = {
  path: "/api/shutdown",
  title: "End the session",
  phrase: "shut down",
  text: "The session ends in order. Positions keep their stops; this page stays without a session until one is started.",
  isDangerous: true,
  isConfirmedHere: true,
};

/** What a person can do about the risk. Halting asks nothing; everything else asks twice. */
export function Controls({ tradingState }: { tradingState: string }) {
  const [deed, setDeed] = useState<Deed | null>(null);
  const isActive = tradingState === "active" || tradingState === "";
  return (
    <Card title="Trading" tools={tradingState && <Badge tone={isActive ? "good" : "bad"}>{words(tradingState)}</Badge>}>
      <div className="controls">
        <div>
          <Button look="stop large" onClick={() => void halt()} disabled={tradingState === "halted"}>
            <Icon name="stop" /> {tradingState === "halted" ? "Halted" : "Halt trading"}
          </Button>
          <p className="muted small">No new entries, at once and without a question. What is held keeps its stops.</p>
        </div>
        <div className="tools">
          <Button disabled={isActive} onClick={() => setDeed(RESUME)}>
            Resume…
          </Button>
          <Button look="danger" onClick={() => setDeed(FLATTEN)}>
            Flatten…
          </Button>
          <Button look="danger" onClick={() => setDeed(EMERGENCY)}>
            Emergency stop…
          </Button>
          <Button onClick={() => setDeed(SHUTDOWN)}>End the session…</Button>
        </div>
      </div>
      {deed && <ConfirmDialog deed={deed} onClose={() => setDeed(null)} />}
    </Card>
  );
}
