// Ollama's JavaScript library: every method that a server can answer.
import assert from 'node:assert/strict'
import { Ollama } from 'ollama'

const [url, model, embedder] = process.argv.slice(2)
const client = new Ollama({ host: url })
const options = { temperature: 0, num_predict: 200 }
const prompt = 'Why is the sky blue?'
const messages = [{ role: 'user', content: prompt }]
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get the current weather in a city',
    parameters: {
      type: 'object',
      required: ['city'],
      properties: { city: { type: 'string', description: 'The city' } },
    },
  },
}

const told = await client.generate({ model, prompt, options })
assert.match(told.response, /scatter/)

let text = ''
for await (const part of await client.generate({ model, prompt, options, stream: true })) {
  text += part.response
}
assert.equal(text, told.response)

const chat = await client.chat({ model, messages, options })
assert.match(chat.message.content, /scatter/)

text = ''
for await (const part of await client.chat({ model, messages, options, stream: true })) {
  text += part.message.content
}
assert.equal(text, chat.message.content)

const asked = await client.chat({
  model,
  messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
  tools: [weather],
  options,
})
assert.equal(asked.message.tool_calls[0].function.name, 'get_weather')

const format = {
  type: 'object',
  properties: { certain: { type: 'boolean' } },
  required: ['certain'],
}
const formed = await client.chat({ model, messages, format, think: false, options })
assert.equal(typeof JSON.parse(formed.message.content).certain, 'boolean')

// An answer that is not over before anybody can stop it.
const stream = await client.generate({
  model,
  prompt,
  stream: true,
  format: { type: 'array', items: { type: 'integer' }, minItems: 4000 },
  options: { num_predict: 100000 },
})
await assert.rejects(
  async () => {
    for await (const _ of stream) stream.abort()
  },
  { name: 'AbortError' },
)

const many = await client.embed({ model: embedder, input: ['a cat', 'a dog'] })
assert.equal(many.embeddings.length, 2)
const one = await client.embeddings({ model: embedder, prompt: 'a cat' })
assert.equal(one.embedding.length, many.embeddings[0].length)

assert.ok((await client.list()).models.some((item) => item.model === `${model}:latest`))
assert.ok((await client.ps()).models.length > 0)
assert.ok((await client.show({ model })).capabilities.includes('completion'))
assert.match((await client.version()).version, /^\d+\.\d+\.\d+/)

assert.equal((await client.copy({ source: model, destination: 'node-copy' })).status, 'success')
assert.equal((await client.delete({ model: 'node-copy' })).status, 'success')

const made = await client.create({ model: 'node-made', from: model, system: 'Be brief.' })
assert.equal(made.status, 'success')
await client.delete({ model: 'node-made' })

await assert.rejects(client.chat({ model: 'nothing', messages }), {
  name: 'ResponseError',
  status_code: 404,
})
await assert.rejects(client.pull({ model: '127.0.0.1:1/nobody/nothing', insecure: true }))
