// Anthropic's JavaScript library.
import assert from 'node:assert/strict'
import Anthropic from '@anthropic-ai/sdk'

const [url, model] = process.argv.slice(2)
const client = new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 })
const base = { model, max_tokens: 300 }
const messages = [{ role: 'user', content: 'Why is the sky blue?' }]
const tools = [
  {
    name: 'get_weather',
    description: 'Get the current weather in a city',
    input_schema: {
      type: 'object',
      required: ['city'],
      properties: { city: { type: 'string', description: 'The city' } },
    },
  },
]
const textOf = (message) =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')

const whole = await client.messages.create({ ...base, messages })
assert.match(textOf(whole), /scatter/)
assert.equal(whole.stop_reason, 'end_turn')

let text = ''
const stream = client.messages.stream({ ...base, messages }).on('text', (part) => (text += part))
const final = await stream.finalMessage()
assert.equal(textOf(final), text)
assert.equal(text, textOf(whole))

const kinds = []
for await (const event of await client.messages.create({ ...base, messages, stream: true })) {
  kinds.push(event.type)
}
assert.equal(kinds[0], 'message_start')
assert.equal(kinds.at(-1), 'message_stop')

const paris = [{ role: 'user', content: 'What is the weather in Paris?' }]
const asked = await client.messages
  .stream({ ...base, messages: paris, tools, tool_choice: { type: 'any' } })
  .finalMessage()
const use = asked.content.find((block) => block.type === 'tool_use')
assert.equal(use.name, 'get_weather')
assert.ok('city' in use.input)
const answered = await client.messages.create({
  ...base,
  tools,
  messages: [
    ...paris,
    { role: 'assistant', content: asked.content },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: use.id, content: 'sunny' }],
    },
  ],
})
assert.ok(answered.usage.input_tokens > asked.usage.input_tokens)

const counted = await client.messages.countTokens({ model, messages })
assert.equal(counted.input_tokens, whole.usage.input_tokens)

await assert.rejects(client.messages.create({ ...base, model: 'nothing', messages }), {
  status: 404,
})
