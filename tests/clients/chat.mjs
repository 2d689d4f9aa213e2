// OpenAI's JavaScript client: plain, streamed, a stream that is left, and an error. Arguments: base URL, key, model.
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const messages = [{ role: "user", content: "count to 3" }];

const whole = await client.chat.completions.create({ model, messages });
const stream = await client.chat.completions.create({
  model, messages, stream: true, stream_options: { include_usage: true },
});
let text = "", usage = null;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
if (text !== whole.choices[0].message.content || !usage?.total_tokens) throw new Error(`${text} ${JSON.stringify(usage)}`);

const left = await client.chat.completions.create({
  model, messages: [{ role: "user", content: "count to 500" }], stream: true,
});
for await (const chunk of left) if (chunk.choices[0]?.delta?.content) break; // the client aborts the request

const error = await client.chat.completions.create({ model: "gpt-5", messages }).catch((problem) => problem);
if (error.status !== 404 || error.code !== "model_not_found") throw error;
console.log(JSON.stringify({ text, usage, model: whole.model }));
