// Vercel's ai package, through its OpenAI (both APIs), OpenAI-compatible and Anthropic providers.
import assert from 'node:assert/strict'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

const [url, model, embedder] = process.argv.slice(2)
const baseURL = `${url}/v1`
const openai = createOpenAI({ baseURL, apiKey: 'unused' })
const compatible = createOpenAICompatible({
  name: 'local',
  baseURL,
  includeUsage: true,
  supportsStructuredOutputs: true,
})
const anthropic = createAnthropic({ baseURL, apiKey: 'unused' })
const prompt = 'Why is the sky blue?'
const weather = tool({
  description: 'Get the current weather in a city',
  inputSchema: z.object({ city: z.string().describe('The city') }),
  execute: async ({ city }) => `It is sunny in ${city}.`,
})

const models = {
  chat: openai.chat(model),
  responses: openai.responses(model),
  compatible: compatible(model),
  anthropic: anthropic(model),
}
for (const [name, target] of Object.entries(models)) {
  const shared = { model: target, temperature: 0, maxOutputTokens: 200, maxRetries: 0 }

  const whole = await generateText({ ...shared, prompt })
  assert.match(whole.text, /scatter/, name)
  assert.equal(whole.finishReason, 'stop', name)
  assert.ok(whole.usage.outputTokens > 0, name)

  const stream = streamText({ ...shared, prompt })
  let text = ''
  for await (const part of stream.textStream) text += part
  assert.equal(text, whole.text, name)
  assert.equal(await stream.finishReason, 'stop', name)
  assert.ok((await stream.usage).inputTokens > 0, name)

  const called = await generateText({
    ...shared,
    prompt: 'What is the weather in Paris?',
    tools: { get_weather: weather },
    toolChoice: 'required',
    stopWhen: stepCountIs(1),
  })
  assert.equal(called.toolCalls[0].toolName, 'get_weather', name)
  assert.match(called.toolResults[0].output, /sunny/, name)
}

const { output } = await generateText({
  model: compatible(model),
  temperature: 0,
  maxOutputTokens: 200,
  maxRetries: 0,
  prompt,
  providerOptions: { local: { reasoningEffort: 'none' } },
  output: Output.object({ schema: z.object({ certain: z.boolean() }) }),
})
assert.equal(typeof output.certain, 'boolean')

const { embeddings } = await embedMany({
  model: openai.embedding(embedder),
  values: ['a cat', 'a dog'],
})
assert.equal(embeddings.length, 2)
