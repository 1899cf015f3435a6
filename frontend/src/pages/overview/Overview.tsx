import { useDashboard, useStatus } from "../../store/live";
import { Card, Empty, PageHead } from "../../ui/parts";
import { ActivityFeed } from "./ActivityFeed";
import { Engine } from "./Engine";
import { EquityToday } from "./EquityToday";
import { Positions } from "./Positions";
import { Ribbon } from "./Ribbon";
import { Strategies } from "./Strategies";

export function Overview() {
  const isKnown = useDashboard(() => true);
  const { link, reason } = useStatus();
  return (
    <>
      <PageHead title="Overview" tools={<Engine />} />
      <Ribbon />
      <div className="overview">
        <EquityToday />
        <Positions />
        <Strategies />
        <ActivityFeed />
      </div>
      {!isKnown && link === "waiting" && (
        <Card>
          <Empty title="Nothing is known of the session yet">{reason}</Empty>
        </Card>
      )}
    </>
  );
}
