/** Text from a model or a person is only ever text: what Markdown says of it becomes elements of ours, never markup. */
import { createContext, type ComponentChildren, type VNode } from "preact";
import { useRef } from "preact/hooks";
import { hashOf } from "../actions/places";
import { reading } from "../documents";
import { t } from "../i18n";
import { Growing, isWhole, numberOf, safeAddress, type Block, type Token, type Tokens } from "../logic/markdown";
import { grouped } from "../logic/chunks";
import { textOfPlace, type TextPlace } from "../logic/textPlace";
import { Code } from "./Code";
import { Grown } from "./Grown";
import { still } from "./still";

function Link({ token }: { token: Tokens.Link | Tokens.Image }) {
  const address = safeAddress(token.href);
  const words = token.type === "link" ? token.tokens : [];
  if (!address) return <>{token.raw}</>;
  return (
    <a href={address} title={token.title ?? undefined} target="_blank" rel="noopener noreferrer">
      {words && words.length > 0 ? inline(words) : token.text || address}
    </a>
  );
}

export interface NumberedPlace extends TextPlace {
  readonly number: number;
}
/** What an answer was given, and cites as `[1]`: null where there is nothing of that. */
export const Cited = createContext<readonly NumberedPlace[] | null>(null);

/** What leads to a place in a document: opened over the page, or as an address in a tab of its own. */
export function ToPlace({ to, children, ...more }: { to: TextPlace; children: ComponentChildren; class?: string; "aria-label"?: string }) {
  return (
    <a
      href={hashOf({ area: "docs", id: textOfPlace(to) })}
      aria-haspopup="dialog"
      onClick={(event) => {
        if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        reading.value = to;
      }}
      {...more}
    >
      {children}
    </a>
  );
}

/** `[1]` leads to its source and stays as it was written; what has none is text. */
function Marks({ text }: { text: string }) {
  return (
    <Cited.Consumer>
      {(sources: readonly NumberedPlace[] | null) =>
        text.split(/(\[\d\d?\])/).map((part, i) => {
          const to = i % 2 ? sources?.find(({ number }) => `[${number}]` === part) : undefined;
          return to ? (
            <ToPlace key={i} to={to} class="cite" aria-label={t("sources.one", { mark: part })}>
              {part}
            </ToPlace>
          ) : (
            part
          );
        })
      }
    </Cited.Consumer>
  );
}

function inline(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, i) => {
    switch (token.type) {
      case "strong":
        return <strong key={i}>{inline(token.tokens ?? [])}</strong>;
      case "em":
        return <em key={i}>{inline(token.tokens ?? [])}</em>;
      case "del":
        return <del key={i}>{inline(token.tokens ?? [])}</del>;
      case "codespan":
        return token.text.trim() ? <code key={i}>{token.text}</code> : token.raw;
      case "link":
      case "image":
        return <Link key={i} token={token as Tokens.Link | Tokens.Image} />;
      case "br":
        return "\n";
      case "escape":
        return token.text;
      case "text":
        // As it was written: its `text` has some of HTML's entities decoded, and not others.
        if (token.tokens) return inline(token.tokens);
        return token.raw.includes("[") ? <Marks key={i} text={token.raw} /> : token.raw;
      default:
        return token.raw;
    }
  });
}

function Paragraph({ tokens }: { tokens: readonly Token[] }) {
  const last = tokens.at(-1);
  const isText = last?.type === "text" && !last.tokens && !last.raw.includes("[");
  const before = tokens.slice(0, -1).map(({ type, raw }) => `${type} ${raw}`);
  return <Grown as="p" before={before.join("\n")} tail={isText ? last.raw : ""} draw={() => inline(tokens)} />;
}

function Table({ token }: { token: Tokens.Table }) {
  if (!isWhole(token)) return <p>{token.raw.trimEnd()}</p>;
  const cell = (one: Tokens.TableCell) => ({ style: one.align ? { textAlign: one.align } : {} });
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {token.header.map((one, i) => (
              <th key={i} {...cell(one)}>
                {inline(one.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, i) => (
            <tr key={i}>
              {row.map((one, j) => (
                <td key={j} {...cell(one)}>
                  {inline(one.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function List({ token, done }: { token: Tokens.List; done: boolean }) {
  const items = token.items.map((item, i) => (
    <li key={i} value={token.ordered ? numberOf(item) : undefined} class={item.task ? "task" : undefined}>
      {item.task && (item.checked ? "☑ " : "☐ ")}
      {blocksIn(item.tokens.filter((one) => one.type !== "checkbox"), done)}
    </li>
  ));
  return token.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
}

function blocksIn(tokens: readonly Token[], done: boolean): ComponentChildren {
  return tokens.map((token, i) => <One key={i} token={token} done={done} />);
}

const HEADINGS = ["h3", "h4", "h5", "h6", "h6", "h6"] as const;

function One({ token, done }: { token: Token; done: boolean }) {
  switch (token.type) {
    case "space":
      return null;
    case "code":
      if (!token.text.trim() && !token.lang) return <p>{token.raw.trimEnd()}</p>;
      return <Code text={token.text} info={token.lang ?? ""} done={done} />;
    case "heading": {
      const Heading = HEADINGS[(token as Tokens.Heading).depth - 1] ?? "h6";
      return token.text ? <Heading>{inline(token.tokens ?? [])}</Heading> : <p>{token.raw.trimEnd()}</p>;
    }
    case "hr":
      return <hr />;
    case "blockquote":
      return <blockquote>{blocksIn(token.tokens ?? [], done)}</blockquote>;
    case "list":
      return <List token={token as Tokens.List} done={done} />;
    case "table":
      return <Table token={token as Tokens.Table} />;
    case "paragraph":
      return <Paragraph tokens={token.tokens ?? []} />;
    case "text":
      return token.tokens ? <>{inline(token.tokens)}</> : <p>{token.text}</p>;
    default:
      return <p>{token.raw}</p>;
  }
}

const Still = still(One);

/** `open`: the last of them still grows. */
const Group = still(({ blocks, open }: { blocks: readonly Block[]; open: boolean }) => (
  <>
    {blocks.map((block, i) => (
      <Still key={block.at} token={block.token} done={!open || i < blocks.length - 1} />
    ))}
  </>
));

/** `done`: nothing more comes. What is finished is drawn once. */
export function Words({ text, done = true }: { text: string; done?: boolean }) {
  const growing = useRef<Growing | null>(null);
  const groups = useRef<readonly (readonly Block[])[]>([]);
  growing.current ??= new Growing();
  groups.current = grouped(groups.current, growing.current.read(text, done));
  return <>{draw(groups.current, done)}</>;
}

export function draw(groups: readonly (readonly Block[])[], done: boolean): VNode[] {
  return groups.map((blocks, i) => <Group key={i} blocks={blocks} open={!done && i === groups.length - 1} />);
}
