/** The page's one region that a screen reader listens to. What changes elsewhere is said here, and nowhere twice. */
import { useEffect } from "preact/hooks";
import { say } from "../actions/notices";
import { said } from "../state";

export function Said() {
  return (
    <div class="spoken" role="status" aria-atomic="false">
      {said.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}

const STANDS_MS = 400; // what changes with each key that is pressed is said when it stands still

/** A text that stands somewhere on the page is said, too, when it appears or becomes another one. */
export function useSaid(text: string): void {
  useEffect(() => {
    const timer = setTimeout(() => say(text), STANDS_MS);
    return () => clearTimeout(timer);
  }, [text]);
}

/** A paragraph that is said when it appears or changes. */
export function Told({ text, ...more }: { text: string; class?: string; id?: string }) {
  useSaid(text);
  return <p {...more}>{text}</p>;
}
