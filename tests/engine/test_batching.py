"""What several generations do together: joining, sharing prefixes, leaving."""

from __future__ import annotations

from collections.abc import Iterator

import llama_cpp
import pytest

from ollama_server.engine import protocol as p

from .conftest import TINY
from .runner import GREEDY, Answer, Runner, collect
from .test_generation import endless

SYSTEM = "The tide table of the harbour lists high water and low water for every day. " * 16


@pytest.fixture
def fresh() -> Iterator[Runner]:
    """A runner of its own, with nothing retained yet."""
    process = Runner(p.Load(str(TINY), num_ctx=1024, parallel=4, num_batch=64))
    yield process
    process.close()


def test_a_request_that_arrives_while_others_decode_joins_them(fresh: Runner) -> None:
    first = endless(fresh, "one two three", max_tokens=9000)
    late = endless(fresh, "alpha beta gamma", max_tokens=5)
    answers = {first.id: Answer(), late.id: Answer()}
    fresh.send(first)
    collect(answers, fresh.receive())
    fresh.send(late)
    while answers[late.id].end is None:
        collect(answers, fresh.receive())
    assert answers[first.id].end is None
    fresh.send(p.Cancel(first.id))
    assert fresh.stats().running == 0


def test_the_news_of_several_sequences_share_a_frame(fresh: Runner) -> None:
    steps: list[p.Step] = []

    def note(message: p.FromRunner) -> None:
        if isinstance(message, p.Step):
            steps.append(message)

    requests = [endless(fresh, f"count {i} from", max_tokens=400) for i in range(4)]
    fresh.generate_all(requests, note)
    assert max(len({delta.id for delta in step.deltas}) for step in steps) == 4


def test_a_second_turn_computes_only_what_is_new(fresh: Runner) -> None:
    first = fresh.generate_all([endless(fresh, SYSTEM, max_tokens=8, return_context=True)])[0]
    context = first.finished.context
    request = p.Generate(fresh.id(), [p.Tokens([*context, 300, 301])], GREEDY, max_tokens=4)
    second = fresh.generate_all([request])[0].finished
    assert second.prompt_tokens == len(context) + 2
    # The last sampled token was never computed.
    assert second.cached_tokens == len(context) - 1


def test_a_turn_continues_its_own_conversation_beside_a_longer_one_that_begins_alike(
    fresh: Runner,
) -> None:
    short = "one two three four five"
    longer, first = (
        fresh.generate_all([endless(fresh, short, max_tokens=n, return_context=True)])[0].finished
        for n in (60, 12)
    )
    # The longer one holds a token more of it than its own, whose last token was never computed.
    assert longer.context[: len(first.context)] == first.context
    request = p.Generate(fresh.id(), [p.Tokens([*first.context, 300, 301])], GREEDY, max_tokens=4)
    second = fresh.generate_all([request])[0].finished
    assert second.cached_tokens == len(first.context) - 1


def test_a_repeated_prompt_computes_one_token(fresh: Runner) -> None:
    fresh.generate(SYSTEM, max_tokens=3)
    again = fresh.generate(SYSTEM, max_tokens=3).finished
    assert again.cached_tokens == again.prompt_tokens - 1


def test_requests_that_arrive_together_compute_their_common_prefix_once(fresh: Runner) -> None:
    requests = [fresh.request(f"{SYSTEM} Question {i}?", max_tokens=4) for i in range(4)]
    ends = [answer.finished for answer in fresh.generate_all(requests)]
    computed = sum(end.prompt_tokens - end.cached_tokens for end in ends)
    assert computed < ends[0].prompt_tokens * 1.5


def test_shared_prefixes_do_not_change_the_text(fresh: Runner) -> None:
    prompts = [f"{SYSTEM} Question {i}: what is {i} plus {i}?" for i in range(4)]
    alone = []
    for prompt in prompts:
        alone.append(fresh.generate(prompt, max_tokens=12).text)
        fresh.generate("x", max_tokens=1)
    together = fresh.generate_all([fresh.request(prompt, max_tokens=12) for prompt in prompts])
    assert [answer.text for answer in together] == alone


def test_another_conversation_with_the_same_start_leaves_the_first_one_retained(
    fresh: Runner,
) -> None:
    one = fresh.generate(SYSTEM + "first " * 200, max_tokens=3).finished
    fresh.generate(SYSTEM + "second " * 200, max_tokens=3)
    again = fresh.generate(SYSTEM + "first " * 200, max_tokens=3).finished
    assert again.cached_tokens == one.prompt_tokens - 1


def test_the_least_recently_used_conversation_is_forgotten_first(fresh: Runner) -> None:
    prompts = [f"{name} " * 120 for name in ("red", "green", "blue", "white", "black")]
    for prompt in prompts:
        fresh.generate(prompt, max_tokens=2)
    assert fresh.generate(prompts[0], max_tokens=2).finished.cached_tokens == 0
    last = fresh.generate(prompts[4], max_tokens=2).finished
    assert last.cached_tokens == last.prompt_tokens - 1


def test_more_requests_than_slots_all_finish(fresh: Runner) -> None:
    requests = [endless(fresh, f"number {i}", max_tokens=6) for i in range(25)]
    answers = fresh.generate_all(requests)
    assert [answer.finished.eval_tokens for answer in answers] == [6] * 25
    assert fresh.stats().running == 0


def test_cancelling_while_decoding_frees_the_slot_at_once(fresh: Runner) -> None:
    request = endless(fresh, max_tokens=9000)
    fresh.send(request)
    fresh.receive()
    fresh.send(p.Cancel(request.id))
    stats = fresh.stats()
    assert stats.running == 0


def test_cancelling_in_prefill_frees_the_slot_before_the_prompt_is_computed(fresh: Runner) -> None:
    before = fresh.stats()
    request = fresh.request("word " * 900, max_tokens=5)
    fresh.send(request, p.Cancel(request.id))
    after = fresh.stats()
    assert after.running == 0
    assert after.waiting == 0
    assert after.generated_tokens == before.generated_tokens


def test_cancelling_a_waiting_request_leaves_nothing(fresh: Runner) -> None:
    running = [endless(fresh, f"number {i}", max_tokens=9000) for i in range(4)]
    waiting = endless(fresh, "later", max_tokens=5)
    fresh.send(*running, waiting)
    fresh.send(*(p.Cancel(request.id) for request in (waiting, *running)))
    stats = fresh.stats()
    assert (stats.running, stats.waiting) == (0, 0)


def test_a_cancelled_leader_does_not_hold_up_those_who_wait_for_its_prefix(fresh: Runner) -> None:
    requests = [fresh.request(f"{SYSTEM * 2} Question {i}?", max_tokens=3) for i in range(3)]
    answers = {request.id: Answer() for request in requests}
    fresh.send(*requests, p.Cancel(requests[0].id))
    del answers[requests[0].id]
    while any(answer.end is None for answer in answers.values()):
        collect(answers, fresh.receive())
    assert all(answer.finished for answer in answers.values())


def test_streams_that_lie_apart_are_moved_together_without_changing(fresh: Runner) -> None:
    prompts = [f"story number {i} begins" for i in range(4)]
    lengths = [120, 10, 10, 120]
    alone = [
        fresh.generate_all([endless(fresh, prompt, max_tokens=length)])[0].text
        for prompt, length in zip(prompts, lengths, strict=True)
    ]
    requests = [
        endless(fresh, prompt, max_tokens=length)
        for prompt, length in zip(prompts, lengths, strict=True)
    ]
    assert [answer.text for answer in fresh.generate_all(requests)] == alone


def test_text_is_tokenized_while_others_generate(fresh: Runner) -> None:
    request = endless(fresh, max_tokens=9000)
    fresh.send(request)
    fresh.receive()
    fresh.send(p.Tokenize(fresh.id(), ["hello"]))
    seen = []
    while not isinstance(message := fresh.receive(), p.Tokenized):
        seen.append(message)
    assert not any(isinstance(m, p.Finished) for m in seen)
    fresh.send(p.Cancel(request.id))


def test_a_text_that_takes_long_to_tokenize_keeps_nobody_waiting(fresh: Runner) -> None:
    # llama.cpp's time for control tokens grows with the square of their number.
    marks = "<|im_start|>" * 40_000
    long, short = p.Tokenize(fresh.id(), [marks]), p.Tokenize(fresh.id(), ["hello"])
    fresh.send(long, short)
    first, second = fresh.receive(), fresh.receive()
    assert isinstance(first, p.Tokenized)
    assert isinstance(second, p.Tokenized)
    assert (first.id, second.id) == (short.id, long.id)
    assert len(second.tokens[0]) == 40_000


def test_a_unified_cache_gives_the_same_text() -> None:
    prompts = [f"{SYSTEM} Question {i}?" for i in range(4)]
    texts = []
    for unified in (False, True):
        # llama.cpp adds up a long context in as many parts as there are threads.
        load = p.Load(
            str(TINY), num_ctx=1024, parallel=4, num_batch=64, num_thread=1, kv_unified=unified
        )
        runner = Runner(load)
        requests = [runner.request(prompt, max_tokens=9) for prompt in prompts]
        texts.append([answer.text for answer in runner.generate_all(requests)])
        runner.close()
    assert texts[0] == texts[1]


def test_sixteen_prompts_at_once_say_what_llama_cpp_says_one_by_one(fresh: Runner) -> None:
    questions = ["Why is the sky blue?", "What is Docker?", "Hello!", "你好", "What is Ollama?"]
    prompts = [
        f"<|im_start|>user\n{questions[i % 5]}{' Please.' * (i // 5)}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
        for i in range(16)
    ]
    reference = llama_cpp.Llama(
        str(TINY), n_ctx=1024, verbose=False, n_threads=1, n_threads_batch=1
    )
    expected = []
    for prompt in prompts:
        reference.reset()
        # 32 tokens are enough to notice any difference; temperature 0 is greedy here too.
        answer = reference(prompt, max_tokens=32, temperature=0.0, repeat_penalty=1.0, top_k=0)
        expected.append(answer["choices"][0]["text"])  # type: ignore[index]
    requests = [fresh.request(prompt, max_tokens=32) for prompt in prompts]
    assert [answer.text for answer in fresh.generate_all(requests)] == expected
