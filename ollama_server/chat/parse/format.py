"""How a family of models writes its thinking and its tool calls, as data.

Markers keep the white space that the model's template prints around them: grammars reproduce it
within calls and leave it free between them, parsers treat it as optional.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Encoding = Literal["json", "tag_json", "tagged", "python", "quoted"]
"""How one call is spelled.

- json: an object that holds the name and the arguments
- tag_json: the name between markers, then the arguments as a JSON object
- tagged: the name between markers, then every argument between markers of its own
- python: ``name(argument=value)``
- quoted: ``name{argument:value}`` with strings between special quotes
"""

Start = Literal["prompt", "on", "asked", "always", "never"]
"""When an answer begins inside its thinking although it does not print the opening marker.

- prompt: where the prompt ends with the opening marker
- on: there, and unless thinking is switched off
- asked: there, and when thinking is asked for explicitly
- always: whatever is asked for
- never: only when the answer prints the marker
"""


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One way to write tool calls.

    An answer's calls stand in a section, ``section_start`` to ``section_end``; with
    ``section_per_call`` every call has its own. One call is ``call_start`` … ``call_end``, with
    ``separator`` between calls. All may be empty, and readers take the section as optional.
    """

    encoding: Encoding
    section_start: str = ""
    section_end: str = ""
    call_start: str = ""
    call_end: str = ""
    separator: str = ""
    section_per_call: bool = False
    single: bool = False  # the template cannot print several calls in one turn
    bare: bool = False  # calls without any marker count at the very start of an answer
    any_name: bool = False  # calls of tools that the request does not declare count, too
    keep_id: bool = False  # templates need the ids that the model writes
    ends_thinking: bool = False  # a call inside the thinking ends it
    ends_open_thinking: bool = False  # only where no closing marker follows in the whole answer
    extra_triggers: tuple[str, ...] = ()  # other markers that may stand in front of a call
    aliases: tuple[tuple[str, str], ...] = ()  # names the model writes for tools called otherwise

    # json
    array: bool = False
    name_field: str = "name"
    arguments_field: str = "arguments"
    id_field: str = ""
    wrapper: str = ""  # the field that holds the object with name and arguments
    name_is_key: bool = False
    object_start: str = ""  # how the template spells the object up to the name,
    object_middle: str = ""  # from there to the arguments,
    object_end: str = ""  # and behind them

    # tag_json and tagged: call_start [id id_end] name [id_start id] name_end
    id_end: str = ""
    id_start: str = ""
    name_end: str = ""
    header_end: str = ""  # ends attributes that stand behind name_end
    header_attributes: str = ""  # those attributes, \1 for the call's number
    name_prefix: str = ""  # stands before the name
    counter: str = ""  # stands between the name and the number of the call
    fence: bool = False  # the JSON stands in a Markdown block

    # tagged: arg_start key key_end value value_end
    arg_start: str = ""
    key_end: str = ""
    attributes_end: str = ""  # ends attributes that stand behind key_end
    string_attribute: str = ""  # among the attributes: the value is text, otherwise JSON
    other_attribute: str = ""  # stands there instead; {type} is the value's type
    value_end: str = ""  # {key} stands for the argument's name
    arg_separator: str = ""
    namespace: str = ""  # prefix of the tags that nested values are written with
    trim_values: bool = True  # one line break at either end of a value is layout
    repair: bool = False  # the model forgets or confuses closing markers
    json_body: bool = False  # the model writes JSON instead now and then

    # python, quoted
    quote: str = ""  # marker around strings


@dataclass(frozen=True, slots=True)
class ThinkingFormat:
    """The markers of thinking. An empty ``open`` means that the answer always starts with it."""

    open: str
    close: str
    start: Start = "prompt"
    anywhere: bool = False  # the answer may think again between its other parts
    trim: bool = True  # white space before the closing marker is layout
    without_tools: bool = False  # the start rule holds only for requests without tools
    only_when_asked: bool = False  # with thinking off, the markers are ordinary text
    other_closes: tuple[str, ...] = ()  # markers of what follows that end it as well
    strays: tuple[str, ...] = ()  # markers that the model also leaves in its content


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """Answers made of messages with a header each, such as gpt-oss's.

    A message is ``start`` header ``header_end`` body and one of ``ends``; the prompt ends with
    ``start`` and ``primed``, so that the answer begins in the middle of a header.
    """

    kind: Literal["harmony", "recipient", "arrows"]
    start: str
    header_end: str
    ends: tuple[str, ...]
    primed: str = ""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Everything there is to know about a family's answers."""

    thinking: ThinkingFormat | None = None
    tools: ToolFormat | None = None
    wrappers: tuple[str, ...] = field(default=())  # markers around content that are no content
    messages: MessageFormat | None = None
    stops: tuple[str, ...] = ()  # texts that end an answer although they are no end-of-turn token
