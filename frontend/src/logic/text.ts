/**
 * The little Markdown that the page knows: fenced code, `code` and **bold**. All else is shown as it was written, and
 * of what is marked up only the marks themselves are left out: no word of an answer or a question may vanish.
 */
export interface Run {
  kind: "plain" | "code" | "bold";
  text: string;
}

// Two stars inside a word or a formula (2**3 and 4**5, f(**a)) are no marks.
const BOLD = /(?<![\w)\]*])\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*(?![\w([*])/g;

/** Where code in a line lies: between two equally long rows of backticks, as in CommonMark. */
function codeSpans(text: string): { from: number; to: number; ticks: number }[] {
  const rows = [...text.matchAll(/`+|\n/g)];
  const found: { from: number; to: number; ticks: number }[] = [];
  let open = new Map<string, number>();
  // From the end, so that each row knows the next one of its length in its line.
  const next = rows.map(() => -1);
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]![0];
    if (row === "\n") open = new Map();
    else {
      next[i] = open.get(row) ?? -1;
      open.set(row, i);
    }
  }
  for (let i = 0; i < rows.length; i++) {
    const close = next[i]!;
    if (close < 0) continue;
    const ticks = rows[i]![0].length;
    found.push({ from: rows[i]!.index, to: rows[close]!.index + ticks, ticks });
    i = close;
  }
  return found;
}

function boldRuns(text: string): Run[] {
  const found: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(BOLD)) {
    if (match.index > from) found.push({ kind: "plain", text: text.slice(from, match.index) });
    found.push({ kind: "bold", text: match[1]! });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "plain", text: text.slice(from) });
  return found;
}

export function runs(text: string): Run[] {
  const found: Run[] = [];
  let from = 0;
  for (const span of codeSpans(text)) {
    found.push(...boldRuns(text.slice(from, span.from)));
    const code = text.slice(span.from + span.ticks, span.to - span.ticks);
    // A space on each side is there to keep the marks away from backticks in the code.
    found.push({ kind: "code", text: /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code });
    from = span.to;
  }
  return [...found, ...boldRuns(text.slice(from))];
}

export interface Block {
  kind: "prose" | "code";
  text: string;
  /** What stands behind the opening fence: mostly a language, now and then the first words of something. */
  info?: string;
}

// An opening fence has no backtick behind it: ```like this``` is code in a line.
const OPEN = /^\s*(`{3,})([^`]*)$/;

/** Splits a text into prose and fenced code. An open fence, as while streaming, runs to the end. */
export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let prose: string[] = [];
  let code: string[] = [];
  let fence = "";
  let info = "";
  const closeProse = () => {
    const body = prose.join("\n").replace(/^\n+/, "").trimEnd();
    if (body) found.push({ kind: "prose", text: body });
    prose = [];
  };
  // Fences around nothing are no code: they are shown as they are, so that no message is blank.
  const closeCode = (...fences: string[]) => {
    if (info || code.some((line) => line.trim())) {
      found.push({ kind: "code", text: code.join("\n"), ...(info && { info }) });
    } else prose.push(...fences);
    code = [];
    fence = "";
  };
  for (const line of text.split("\n")) {
    const mark = line.trim();
    if (fence) {
      if (mark.length >= fence.length && /^`+$/.test(mark)) closeCode(fence, mark);
      else code.push(line);
      continue;
    }
    const opening = OPEN.exec(line);
    if (opening) {
      closeProse();
      fence = opening[1]!;
      info = opening[2]!.trim();
    } else {
      prose.push(line);
    }
  }
  if (fence) closeCode(fence);
  closeProse();
  return found;
}
