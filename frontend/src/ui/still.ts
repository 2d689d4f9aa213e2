/**
 * A part of the page that is drawn anew only when something that it is given is another thing. An element that is kept
 * and given again would do that too, but it holds on to all that was drawn around it the first time.
 */
import { Component, createElement, type ComponentChildren, type ComponentType } from "preact";

const differ = (one: object, other: object) => {
  const [a, b] = [one as Record<string, unknown>, other as Record<string, unknown>];
  for (const name in a) if (a[name] !== b[name]) return true;
  for (const name in b) if (!(name in a)) return true;
  return false;
};

export function still<P extends object>(part: (props: P) => ComponentChildren): ComponentType<P> {
  const Part = part as ComponentType<P>;
  return class Still extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return differ(this.props, next);
    }

    override render(): ComponentChildren {
      return createElement(Part, this.props);
    }
  };
}
