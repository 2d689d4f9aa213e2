/** A key in use: what somebody puts into a file, or into a terminal, as it is. Pure. */

/** Of text that stands in double quotes in Python, and in JSON. */
const quoted = (text: string) => JSON.stringify(text);
/** Of text that stands in single quotes in a shell. */
const inShell = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

export function pythonLines(base: string, key: string, model: string, question: string): string {
  return [
    "from openai import OpenAI",
    `client = OpenAI(base_url=${quoted(base)}, api_key=${quoted(key)})`,
    `answer = client.chat.completions.create(model=${quoted(model)}, messages=[{"role": "user", "content": ${quoted(question)}}])`,
    "print(answer.choices[0].message.content)",
  ].join("\n");
}

export function curlLines(base: string, key: string, model: string, question: string): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: question }] });
  return [
    `curl ${inShell(`${base}/chat/completions`)} \\`,
    `  -H ${inShell(`Authorization: Bearer ${key}`)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${inShell(body)}`,
  ].join("\n");
}
