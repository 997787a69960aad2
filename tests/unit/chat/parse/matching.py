"""What a grammar allows, tried with llguidance byte by byte."""

from __future__ import annotations

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from ollama_server.engine import protocol

EOS = 256


class Bytes:
    """A vocabulary of all bytes and an end."""

    eos_token_id = EOS
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids = [EOS]  # noqa: RUF012

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


TOKENIZER = LLTokenizer(TokenizerWrapper(Bytes()))


def matcher(grammar: protocol.Grammar) -> LLMatcher:
    build = {
        "lark": LLMatcher.grammar_from_lark,
        "json_schema": LLMatcher.grammar_from_json_schema,
    }[grammar.kind]
    found = LLMatcher(TOKENIZER, build(grammar.source))
    assert not found.is_error(), found.get_error()
    return found


def fits(found: LLMatcher, text: bytes) -> bool:
    return found.validate_tokens(list(text)) == len(text)


def accepts(grammar: protocol.Grammar, text: str) -> bool:
    found = matcher(grammar)
    raw = text.encode()
    return found.try_consume_tokens(list(raw)) == len(raw) and found.is_accepting()


def accepts_from_trigger(grammar: protocol.Grammar | None, text: str) -> bool:
    """Whether an answer may be this text, of which a lazy grammar sees what its trigger begins."""
    assert grammar is not None
    at = text.find(grammar.trigger)
    assert at >= 0, f"{grammar.trigger!r} not in {text!r}"
    return accepts(grammar, text[at:])
