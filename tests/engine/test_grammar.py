"""Grammars in the engine: what they force, when they wake, what they refuse."""

from __future__ import annotations

import json
import re

from ollama_server.engine import protocol as p

from .runner import GREEDY, Runner

PERSON = json.dumps(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "kind": {"enum": ["visitor", "resident"]},
        },
        "required": ["name", "age", "kind"],
        "additionalProperties": False,
    }
)
ASK = "<|im_start|>user\nDescribe a person as JSON.<|im_end|>\n<|im_start|>assistant\n"


def test_a_schema_is_followed_whatever_the_model_would_say(runner: Runner) -> None:
    for seed in range(8):
        sampling = p.Sampling(temperature=2.0, seed=seed)
        grammar = p.Grammar("json_schema", PERSON)
        answer = runner.generate(ASK, sampling=sampling, grammar=grammar, max_tokens=200)
        person = json.loads(answer.text)
        assert set(person) == {"name", "age", "kind"}
        assert person["kind"] in ("visitor", "resident")
        assert answer.finished.reason == "stop"


def test_several_grammars_run_in_one_batch_with_free_text(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON)
    requests = [
        runner.request(ASK, grammar=grammar, max_tokens=200),
        runner.request(ASK, max_tokens=30),
        runner.request(ASK, grammar=p.Grammar("regex", "[0-9]{4}-[0-9]{2}"), max_tokens=30),
    ]
    schema, free, regex = runner.generate_all(requests)
    assert json.loads(schema.text)
    assert re.fullmatch("[0-9]{4}-[0-9]{2}", regex.text)
    assert free.text == runner.generate(ASK, max_tokens=30).text


def test_any_json_object_is_a_json_object(runner: Runner) -> None:
    answer = runner.generate(ASK, grammar=p.Grammar("json_object"), max_tokens=400)
    if answer.finished.reason == "stop":
        assert isinstance(json.loads(answer.text), dict)
    assert answer.text.startswith("{")


def test_forced_tokens_enter_the_batch_together(runner: Runner) -> None:
    schema = json.dumps({"const": "a rather long constant text that leaves the model no choice"})
    before = runner.stats().steps
    answer = runner.generate(ASK, grammar=p.Grammar("json_schema", schema), max_tokens=100)
    steps = runner.stats().steps - before
    assert json.loads(answer.text).startswith("a rather long")
    assert steps < answer.finished.eval_tokens / 2


def test_forced_tokens_have_probabilities_where_somebody_asks(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON)
    answer = runner.generate(ASK, grammar=grammar, max_tokens=200, logprobs=True)
    entries = [entry for delta in answer.deltas for entry in delta.logprobs]
    assert b"".join(entry.token for entry in entries).decode() == answer.text
    assert set(json.loads(answer.text)) == {"name", "age", "kind"}


def test_a_limit_in_the_middle_of_forced_tokens_is_the_end(runner: Runner) -> None:
    schema = json.dumps({"const": "the quick brown fox jumps over the lazy dog"})
    for logprobs in (False, True):
        grammar = p.Grammar("json_schema", schema)
        answer = runner.generate(ASK, grammar=grammar, max_tokens=5, logprobs=logprobs)
        assert answer.finished.reason == "length"
        assert answer.finished.eval_tokens == 5


def test_penalties_see_forced_tokens(runner: Runner) -> None:
    names = ["alpha", "beta", "gamma", "delta"]
    fields = {name: {"type": "string", "maxLength": 12} for name in names}
    schema = json.dumps({"type": "object", "properties": fields, "required": names})
    sampling = p.Sampling(temperature=0, repeat_penalty=1.3)
    texts = []
    for logprobs in (False, True):  # with them no tokens are forced
        grammar = p.Grammar("json_schema", schema)
        answer = runner.generate(
            "Fill the form: ",
            sampling=sampling,
            grammar=grammar,
            max_tokens=120,
            logprobs=logprobs,
        )
        texts.append(answer.text)
    assert texts[0] == texts[1]


def test_a_grammar_sleeps_until_the_thinking_is_over(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="</think>")
    prompt = ASK + "<think>\n"
    ends = p.Sampling(temperature=0, logit_bias={runner.info.eos: -100.0})
    thought = runner.generate(prompt, sampling=ends, grammar=grammar, max_tokens=400).text
    thinking, found, rest = thought.partition("</think>")
    if found:
        assert set(json.loads(rest)) == {"name", "age", "kind"}
    else:
        assert len(thinking) > 100


def test_a_grammar_wakes_at_once_when_the_model_does_not_think(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="</think>", unless_thinking="<think>")
    prompt = ASK + "<think>\n\n</think>\n\n"
    answer = runner.generate(prompt, grammar=grammar, max_tokens=200)
    text = answer.text.rpartition("</think>")[2]
    assert set(json.loads(text)) == {"name", "age", "kind"}


def ending(runner: Runner) -> p.Sampling:
    """Ends the answer wherever it may end."""
    return p.Sampling(temperature=0, logit_bias={runner.info.eos: 1000.0})


def test_an_end_in_the_thinking_ends_only_the_thinking(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="</think>")
    for logprobs in (False, True):
        answer = runner.generate(
            ASK + "<think>\nWell",
            sampling=ending(runner),
            grammar=grammar,
            max_tokens=200,
            logprobs=logprobs,
        )
        thinking, _, rest = answer.text.partition("</think>")
        assert thinking.strip() == ""
        assert set(json.loads(rest)) == {"name", "age", "kind"}
        assert answer.finished.reason == "stop"
    entries = [entry for delta in answer.deltas for entry in delta.logprobs]
    assert b"".join(entry.token for entry in entries).decode() == answer.text


def test_an_end_in_thinking_that_the_answer_opens_ends_only_the_thinking(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="#!end", unless_thinking="<think>")
    for seed in range(8):
        sampling = p.Sampling(temperature=1.0, seed=seed)
        answer = runner.generate(ASK, sampling=sampling, grammar=grammar, max_tokens=400)
        opening, thinking, rest = answer.text.partition("<think>")
        if thinking:
            assert opening == ""
            rest = rest.partition("#!end")[2]
        assert set(json.loads(rest or opening)) == {"name", "age", "kind"}


def test_an_answer_without_thinking_does_not_end_before_its_format(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="</think>", unless_thinking="<think>")
    answer = runner.generate(ASK, sampling=ending(runner), grammar=grammar, max_tokens=200)
    assert set(json.loads(answer.text)) == {"name", "age", "kind"}


def test_a_lazy_grammar_lets_an_answer_end_in_its_thinking(runner: Runner) -> None:
    grammar = p.Grammar("lark", 'start: "#!" /[a-z]+/', after="</think>", trigger="#!")
    answer = runner.generate(ASK + "<think>\nWell", sampling=ending(runner), grammar=grammar)
    assert (answer.text, answer.finished.reason) == ("", "stop")


def test_an_answer_may_end_where_its_thinking_was_left_by_a_call(runner: Runner) -> None:
    free = runner.generate(ASK, max_tokens=400)
    assert free.finished.reason == "stop"
    grammar = p.Grammar("json_schema", PERSON, after="#!end", left_by=("#!no", free.text[9:14]))
    answer = runner.generate(ASK, grammar=grammar, max_tokens=400)
    assert (answer.text, answer.finished.reason) == (free.text, "stop")


def test_thinking_that_ends_at_the_limit_stays_the_whole_answer(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", PERSON, after="</think>")
    answer = runner.generate(
        ASK + "<think>\nWell", sampling=ending(runner), grammar=grammar, max_tokens=1
    )
    assert answer.finished.reason == "length"
    assert "</think>".startswith(answer.text.strip())


def test_a_lazy_grammar_leaves_text_without_its_trigger_alone(runner: Runner) -> None:
    free = runner.generate(ASK, max_tokens=30).text
    grammar = p.Grammar("lark", 'start: "#!never" /[a-z]+/', trigger="#!never")
    assert runner.generate(ASK, grammar=grammar, max_tokens=30).text == free


def test_a_lazy_grammar_takes_over_behind_its_trigger(runner: Runner) -> None:
    free = runner.generate(ASK, max_tokens=30).text
    trigger = free[4:8]
    literal = json.dumps(trigger)
    grammar = p.Grammar("lark", f'start: {literal} "123" /[0-9]{{3}}/', trigger=trigger)
    answer = runner.generate(ASK, grammar=grammar, max_tokens=60)
    assert re.fullmatch(re.escape(free[:8]) + r"123[0-9]{3}", answer.text)


def test_a_lazy_grammar_behind_thinking_waits_for_both(runner: Runner) -> None:
    free = runner.generate(ASK, max_tokens=30).text
    after, trigger = free[3:6], free[10:14]
    assert free.find(trigger, free.find(after) + len(after)) == 10
    source = f'start: {json.dumps(trigger)} "123" /[0-9]{{3}}/'
    both = p.Grammar("lark", source, after=after, trigger=trigger)
    never = p.Grammar("lark", source, after="#!never", trigger=trigger)
    answer = runner.generate(ASK, grammar=both, max_tokens=60)
    assert re.fullmatch(re.escape(free[:14]) + r"123[0-9]{3}", answer.text)
    assert runner.generate(ASK, grammar=never, max_tokens=30).text == free


def test_a_lazy_grammar_stays_lazy_when_the_model_does_not_think(runner: Runner) -> None:
    free = runner.generate(ASK, max_tokens=30).text
    grammar = p.Grammar(
        "lark",
        'start: "#!never" /[a-z]+/',
        after="</think>",
        unless_thinking="#!think",
        trigger="#!never",
    )
    assert runner.generate(ASK, grammar=grammar, max_tokens=30).text == free


def test_a_schema_that_does_not_compile_is_refused_with_the_reason(runner: Runner) -> None:
    grammar = p.Grammar("json_schema", '{"type": "strin"}')
    failed = runner.generate(ASK, grammar=grammar).failed
    assert failed.status == 400
    assert "strin" in failed.error


def test_a_cancelled_request_with_a_grammar_leaves_nothing(runner: Runner) -> None:
    request = runner.request(ASK, grammar=p.Grammar("json_schema", PERSON), max_tokens=400)
    runner.send(request)
    runner.send(p.Cancel(request.id))
    later = p.Generate(
        runner.id(), [p.Text(ASK)], GREEDY, grammar=p.Grammar("json_object"), max_tokens=2
    )
    assert runner.generate_all([later])[0].end is not None
    stats = runner.stats()
    assert (stats.running, stats.waiting) == (0, 0)
