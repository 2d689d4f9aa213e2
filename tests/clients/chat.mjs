// OpenAI's JavaScript client: plain, streamed with its usage, a stream that is left, errors. Arguments: base URL, key, model
// and, for who looks whether the engine stops, what it is asked for in the stream that is left.
import OpenAI from "openai";

const [baseURL, apiKey, model, endless = "count to 500"] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const ask = (content) => ({ model, messages: [{ role: "user", content }] });
const refused = (promise) => promise.then(() => { throw new Error("it was not refused"); }, (problem) => problem);

const whole = await client.chat.completions.create(ask("count to 3"));

const stream = await client.chat.completions.create({
  ...ask("count to 3"), stream: true, stream_options: { include_usage: true },
});
let text = "", usage = null, end = null;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  end = chunk.choices[0]?.finish_reason ?? end;
  usage = chunk.usage ?? usage;
}
if (text !== whole.choices[0].message.content) throw new Error(`streamed ${text}, whole ${JSON.stringify(whole)}`);

const left = await client.chat.completions.create({ ...ask(endless), stream: true });
let first = "";
for await (const chunk of left) {
  first = chunk.choices[0]?.delta?.content ?? "";
  if (first) break; // the client aborts the request
}

const broken = await client.chat.completions.create({ ...ask("count to 9, then at 2: error"), stream: true });
let heard = "";
const failure = await refused((async () => {
  for await (const chunk of broken) heard += chunk.choices[0]?.delta?.content ?? "";
})());

const shown = ({ status, code, type, param, message }) => ({ status, code, type, param, message });
console.log(JSON.stringify({
  text, usage, end, first, heard,
  model: whole.model,
  failure: { name: failure.constructor.name, message: failure.message },
  unknown: shown(await refused(client.chat.completions.create({ ...ask("?"), model: "gpt-5" }))),
  wrong: shown(await refused(client.chat.completions.create({ ...ask("?"), temperature: 9 }))),
  stranger: shown(await refused(client.withOptions({ apiKey: "fu_wrong" }).chat.completions.create(ask("?")))),
  embeddings: shown(await refused(client.embeddings.create({ model, input: "?" }))),
}));
