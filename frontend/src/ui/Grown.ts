/**
 * An element whose last text grows while an answer comes: what is added is put behind it, and nothing of it is drawn
 * anew. A text that is set anew is measured anew, all of it, with each word.
 */
import { Component, createElement, createRef, type ComponentChildren } from "preact";

interface Props {
  as: "p" | "code";
  /** All that stands before the last text: what is drawn of it is the same as long as this is. */
  before: string;
  /** The last text, as it stands there; empty: what stands last is no text of its own. */
  tail: string;
  draw: () => ComponentChildren;
}

export class Grown extends Component<Props> {
  private box = createRef<HTMLElement>();
  private drawn = "";

  override shouldComponentUpdate(next: Props): boolean {
    const { as, before, tail } = this.props;
    const last = this.box.current?.lastChild;
    if (!tail || !(last instanceof Text)) return true;
    if (next.as === as && next.before === before && next.tail.startsWith(tail)) {
      if (next.tail !== tail) last.appendData(next.tail.slice(tail.length));
      return false;
    }
    // Preact compares with what it has drawn: so it finds that.
    if (this.drawn !== tail) last.deleteData(this.drawn.length, tail.length);
    return true;
  }

  override render(): ComponentChildren {
    this.drawn = this.props.tail;
    return createElement(this.props.as, { ref: this.box }, this.props.draw());
  }
}
