// fetch alone: the stream is read piece by piece and cut into lines.
import assert from 'node:assert/strict'

const [url, model] = process.argv.slice(2)
const options = { num_predict: 100 }
const prompt = 'Why is the sky blue?'

const response = await fetch(`${url}/api/generate`, {
  method: 'POST',
  body: JSON.stringify({ model, prompt, options }),
})
const decoder = new TextDecoder()
let buffer = ''
let text = ''
let done = false
for await (const piece of response.body) {
  buffer += decoder.decode(piece, { stream: true })
  const lines = buffer.split('\n')
  buffer = lines.pop()
  for (const line of lines) {
    const frame = JSON.parse(line)
    text += frame.response
    done = frame.done
  }
}
assert.match(text, /scatter/)
assert.ok(done)

const chat = await fetch(`${url}/api/chat`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    model,
    messages: [{ role: 'user', content: prompt }],
    stream: false,
    options,
  }),
})
assert.match((await chat.json()).message.content, /scatter/)
