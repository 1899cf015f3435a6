import { Component, type ReactNode } from "react";
import { Button, Empty } from "./parts";

interface Props {
  children: ReactNode;
  /** Another value is another try. */
  place: string;
}

interface State {
  failed: boolean;
  place: string;
}

/** Keeps one page that cannot be drawn from taking everything else, the way to halt above all, off the screen. */
export class Guarded extends Component<Props, State> {
  override state: State = { failed: false, place: this.props.place };

  static getDerivedStateFromError(): Partial<State> {
    return { failed: true };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.place === state.place ? null : { failed: false, place: props.place };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Empty title="This part of the page cannot be shown">
        The session may have been renewed with another version of the page. <br />
        <Button onClick={() => location.reload()}>Load the page anew</Button>
      </Empty>
    );
  }
}
