/** A run of words within a line: only `code` and **bold** are told apart. */
export interface Run {
  kind: "plain" | "code" | "bold";
  text: string;
}

export function runs(text: string): Run[] {
  const found: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(/`([^`\n]+)`|\*\*(\S(?:[^*\n]*\S)?)\*\*/g)) {
    if (match.index > from) found.push({ kind: "plain", text: text.slice(from, match.index) });
    found.push(match[1] !== undefined ? { kind: "code", text: match[1] } : { kind: "bold", text: match[2]! });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: "plain", text: text.slice(from) });
  return found;
}

/** Splits an answer into prose and fenced code. An open fence, as while streaming, runs to the end. */
export interface Block {
  kind: "prose" | "code";
  text: string;
}

export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let kind: Block["kind"] = "prose";
  let lines: string[] = [];
  const close = () => {
    const body = lines.join("\n");
    if (kind === "code" ? lines.length > 0 : body.trim() !== "") {
      found.push({ kind, text: kind === "prose" ? body.replace(/^\n+|\s+$/g, "") : body });
    }
    lines = [];
  };
  for (const line of text.split("\n")) {
    if (line.trimStart().startsWith("```")) {
      close();
      kind = kind === "prose" ? "code" : "prose";
    } else {
      lines.push(line);
    }
  }
  close();
  return found;
}
