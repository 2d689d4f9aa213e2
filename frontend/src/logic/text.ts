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
