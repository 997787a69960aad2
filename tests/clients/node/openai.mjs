// OpenAI's JavaScript library.
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'

const [url, model, embedder] = process.argv.slice(2)
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
const messages = [{ role: 'user', content: 'Why is the sky blue?' }]
const paris = [{ role: 'user', content: 'What is the weather in Paris?' }]
const greedy = { model, temperature: 0, max_tokens: 200 }
const weather = {
  name: 'get_weather',
  description: 'Get the current weather in a city',
  parameters: {
    type: 'object',
    required: ['city'],
    properties: { city: { type: 'string', description: 'The city' } },
  },
}
const tools = [{ type: 'function', function: weather }]

const whole = await client.chat.completions.create({ ...greedy, messages })
assert.match(whole.choices[0].message.content, /scatter/)

let text = ''
let usage
const chunks = await client.chat.completions.create({
  ...greedy,
  messages,
  stream: true,
  stream_options: { include_usage: true },
})
for await (const chunk of chunks) {
  text += chunk.choices[0]?.delta.content ?? ''
  usage = chunk.usage ?? usage
}
assert.equal(text, whole.choices[0].message.content)
assert.equal(usage.completion_tokens, whole.usage.completion_tokens)

const helper = client.chat.completions.stream({ ...greedy, messages })
assert.equal((await helper.finalChatCompletion()).choices[0].message.content, text)

const asked = await client.chat.completions.create({
  ...greedy,
  messages: paris,
  tools,
  tool_choice: 'required',
})
assert.equal(asked.choices[0].message.tool_calls[0].function.name, 'get_weather')
assert.ok('city' in JSON.parse(asked.choices[0].message.tool_calls[0].function.arguments))

const verdict = z.object({ certain: z.boolean() })
const parsed = await client.chat.completions.parse({
  ...greedy,
  messages,
  reasoning_effort: 'none',
  response_format: zodResponseFormat(verdict, 'verdict'),
})
assert.equal(typeof parsed.choices[0].message.parsed.certain, 'boolean')

const completion = await client.completions.create({ ...greedy, prompt: messages[0].content })
assert.match(completion.choices[0].text, /scatter/)

const vectors = await client.embeddings.create({ model: embedder, input: ['a cat', 'a dog'] })
assert.equal(vectors.data.length, 2)
assert.ok(vectors.data[0].embedding.every(Number.isFinite))

const short = { model, temperature: 0, max_output_tokens: 200 }
const response = await client.responses.create({ ...short, input: messages[0].content })
assert.match(response.output_text, /scatter/)

const events = []
for await (const event of await client.responses.create({
  ...short,
  input: messages,
  stream: true,
})) {
  events.push(event.type)
}
assert.equal(events[0], 'response.created')
assert.equal(events.at(-1), 'response.completed')

const called = await client.responses.create({
  ...short,
  input: paris,
  tools: [{ type: 'function', strict: false, ...weather }],
  tool_choice: 'required',
})
const call = called.output.find((item) => item.type === 'function_call')
const answered = await client.responses.create({
  ...short,
  input: [
    ...paris,
    ...called.output,
    { type: 'function_call_output', call_id: call.call_id, output: 'sunny' },
  ],
})
assert.equal(answered.object, 'response')

const ids = []
for await (const item of client.models.list()) ids.push(item.id)
assert.ok(ids.includes(`${model}:latest`))
assert.equal((await client.models.retrieve(model)).id, model)

await assert.rejects(client.chat.completions.create({ model: 'nothing', messages }), {
  status: 404,
  type: 'not_found_error',
})
