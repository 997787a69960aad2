"""The phrasings of the training: each line stands for many (see `expand`)."""

from __future__ import annotations

from models.sight.phrasings import trained_zh
from models.sight.phrasings.base import Phrasings

C = "[colour|color]"
IT = "[the|this|this|that|my] {image}"
WHERE = f"[| [in|on] {IT}| here| there]"
ASKS = (
    "[[Can|Could|Would|Will] you [|please |kindly |][tell me|say|find out|let me know]|Do you know"
    "|May I ask|Can you see|Have you an idea|Any idea|Are you able to say]"
)
TELLS = (
    "[[|Please |Kindly ][tell|show] me|[|Please ][say|answer|write|find out|determine|work out]"
    "|I [want|would like|'d like|wish|need] [to know|to hear|you to tell me]|I wonder|Let me know"
    "|I am asking you|My question is|The question is|I do not know]"
)
TAG = (
    "[, right?|. Right?|, true?|. True?|, correct?|. Correct?|. True or false?|, true or not?"
    "|, yes or no?|. Yes or no?|. Is that right?|. Is this true?|. Do you agree?|, is it so?"
    "|. Am I wrong?|. Is this correct?|, or not?|, don't you think?|?]"
)
SUPPOSE = (
    "[I [think|believe|guess|say|bet|suppose|would say]|My friend says|He says|She thinks|It seems"
    "|They say|Someone says|I have heard] [|that ]"
)
TRUE = (
    f"[Is it [true|right|correct|the case|so|a fact]|Would it be [true|right|correct] to say"
    "|[Do|Would|Can|Could] you [agree|say|see|confirm|think|believe|claim]|Am I [correct|wrong]"
    f"|Is it your opinion|Does {IT} [show|prove]] that"
)
CHECK = (
    "[|Please |Kindly ][check|verify|look|see|find out|examine|judge|decide|answer] [if|whether]"
)


def indirect(*clauses: str) -> str:
    """A line that asks for clauses in a roundabout way, as a question or as a request."""
    clause = f"[{'|'.join(clauses)}]"
    return f"[{ASKS} {clause}?|{TELLS} {clause}.]"


DESCRIBE = (
    f"What do you see[?| in {IT}?]",
    f"What [do|can|did] you [see|recognise|make out|notice|spot|find]{WHERE}?",
    f"What [is|was] [in|on] {IT}?",
    f"What's [in|on] {IT}?",
    f"What [can be seen|is shown|is drawn|is visible|is depicted|is to be seen]{WHERE}?",
    f"What does {IT} [show|depict|contain|present|have on it|look like|consist of]?",
    "What is [this|that|it|here|there|this a {image} of]?",
    "What's [this|that|here|there]?",
    "[|Please |Now ][describe|caption|explain|summarise] "
    f"[{IT}|it|what you see|everything you see|what is here|what is in {IT}].",
    "[Can|Could|Would|Will] you [|please ][describe|caption|explain] "
    f"[{IT}|it|what you see|what is in {IT}][|, please]?",
    "[|Please ][give|write|make|send] [me |us |][a|one] [|short |brief |good |full ]"
    f"[caption|description|summary|sentence] [of|for|about] {IT}.",
    f"[Have|Take] a look at {IT} and describe it.",
    f"[Say|Tell me|Write] what you see{WHERE}.",
    f"A [caption|description] [of|for] {IT}, please.",
    f"{IT}: what is [on it|in it|it|there]?",
    f"Look at {IT}. What [is it|is there|do you see]?",
    indirect(
        f"what you [see|can see|notice]{WHERE}",
        f"what is [drawn|shown|there|visible|to be seen]{WHERE}",
        f"what {IT} [shows|depicts|contains]",
        f"what is [in|on] {IT}",
    ),
)
COUNT = (
    "How many {things} are there?",
    f"How many {{things}} are [|there |shown |drawn |visible |present |to be seen ][in|on] {IT}?",
    f"How many {{things}} [do|can|did] you [see|find|notice|spot|discover]{WHERE}?",
    f"How many {{things}} [are there|can be seen|are shown|are drawn|exist|are left]{WHERE}?",
    f"How many {{things}} does [it|{IT}] [have|show|contain|include|depict]?",
    "How many {things}[?| in total?| altogether?| exactly?|, please?]",
    f"[|Please |Now ][count|count up] [|all |all the |the ]{{things}}{WHERE}[.|, please.]",
    f"[Can|Could|Would|Will] you [|please ]count [|all |the ]{{things}}{WHERE}?",
    f"[What|Which] is the [|exact |whole ][number|count|amount|quantity] of {{things}}{WHERE}?",
    f"[What|Which] number of {{things}} [is there|do you see|is shown|is drawn]{WHERE}?",
    "[|The ][number|count|total] of {things}[?|, please.|: what is it?|.]",
    "[The {things}|{things}]: how many[?| are there?| of them?| do you see?]",
    "Of [the |]{things}, how many are there?",
    f"[In|On] {IT}, how many {{things}} [do you see|can be found|are shown|are drawn]?",
    f"Look at the {{things}}{WHERE}. How many [are there|are they|do you see]?",
    f"[There are|You see|I see|{IT} has] {{things}}[, how many?|. How many?|: how many?]",
    "[Any|Are there] {things}, and how many?",
    "[It has|You see|There are] how many {things}?",
    indirect(
        f"how many {{things}} [there are|exist|are there]{WHERE}",
        f"how many {{things}} you [see|can see|find]{WHERE}",
        f"how many {{things}} [are drawn|are shown|are] [in|on] {IT}",
        f"how many {{things}} {IT} [has|shows|contains]",
        f"the number of {{things}}{WHERE}",
    ),
)
COLOUR = (
    f"What {C} {{is}} the {{things}}?",
    f"[What|Which] {C} {{is}} the {{things}}{WHERE}[?|, please?]",
    f"[What|Which] {C} {{does}} the {{things}} have{WHERE}?",
    f"[What|Which] is the {C} of the {{things}}{WHERE}?",
    f"What's the {C} of the {{things}}{WHERE}?",
    f"[In|With] [what|which] {C} {{is}} the {{things}} [drawn|painted|filled|shown]{WHERE}?",
    f"[|Please ][name|give|state|say|write|give me] the {C} of the {{things}}{WHERE}.",
    f"The {{things}}: [what|which] {C}[?| is it?]",
    f"The {{things}} {{is}} [what|drawn in what|painted in which] {C}?",
    f"The {{things}} {{does}} have a {C}, [what|which] one?",
    f"[The |]{C} of the {{things}}[?|, please.|: which is it?]",
    "How {is} the {things} [coloured|colored|painted]?",
    f"[What|Which] {C} [would you say|do you think|do you believe] the {{things}} {{is}}?",
    f"[What|Which] {C} {{is}} the {{things}} [drawn|painted|shown|filled] [in|with]?",
    f"Look at the {{things}}{WHERE}. [What|Which] {C} [do you see|is that|is it]?",
    f"And the {{things}}, [what|which] {C}[?| is that?]",
    f"[What|Which] is the {{things}}'s {C}?",
    indirect(
        f"[what|which] {C} the {{things}} {{is}}[| drawn in| painted in]{WHERE}",
        f"the {C} of the {{things}}{WHERE}",
        f"what the {C} of the {{things}} is",
        f"in [what|which] {C} the {{things}} {{is}} [drawn|painted]",
        f"[what|which] {C} {{is}} the {{things}}",
    ),
)
THING = "[{shape}|{shape}|object{s}|figure{s}]"
FORM = "[|kind of |type of |sort of ][shape|figure]"
SHAPE = (
    f"[What|Which] [shape|figure|kind of shape] {{is}} the {{colour}} {{one}}{WHERE}?",
    f"[What|Which] {{shape}} {{is}} {{colour}}{WHERE}?",
    f"[What|Which] {FORM} is [|drawn in |painted ]{{colour}}?",
    f"What {{is}} the {{colour}} {THING}{WHERE}?",
    f"[What|Which] shape {{does}} the {{colour}} {{one}} have{WHERE}?",
    f"What[| thing| object] is {{colour}}{WHERE}?",
    f"What's {{colour}}{WHERE}?",
    f"What do you see that is {{colour}}{WHERE}?",
    f"[Name|Identify|Give|Describe] the {{colour}} {THING}{WHERE}.",
    "[Name|State|Give|Say] the [shape|form] of the {colour} {one}.",
    "The {colour} {one}: [what|which] [shape|form]?",
    f"The {{colour}} {THING}: what is [it|that|shown]?",
    f"[Something|Some shape] is {{colour}}{WHERE}. [What|Which][?| shape?| one?| is it?]",
    f"There is something {{colour}}{WHERE}. What [is it|shape is it|shape has it]?",
    "{colour}: [what|which] shape?",
    "The {colour} {shape} {is} what?",
    f"Look at the {{colour}} {THING}. What [shape |form |]is [that|this]?",
    "And what {is} the {colour} {one}?",
    "[What|Which] [|kind of |sort of ][shape|figure] has been [drawn|painted] in {colour}?",
    indirect(
        f"what the {{colour}} {THING} {{is}}{WHERE}",
        f"which {{shape}} {{is}} {{colour}}{WHERE}",
        "[what|which] [shape|form|kind of shape] the {colour} {one} {is}",
        f"what is {{colour}}{WHERE}",
        "the shape of the {colour} {one}",
        f"[what|which] {FORM} [is|has the colour] {{colour}}",
    ),
)
GROUND = "[background|background|background|backdrop|ground|canvas|paper]"
BACKGROUND = (
    f"What {C} is the background?",
    f"[What|Which] {C} is the {GROUND}{WHERE}?",
    f"[What|Which] {C} has the {GROUND}[| of {IT}]?",
    f"Which {C} does the {GROUND} have{WHERE}?",
    f"[What|Which] is the {C} of the {GROUND}{WHERE}?",
    f"[What|Which] is the {GROUND} {C}{WHERE}?",
    f"[What|Which] {C} [is|lies|is there|do you see] behind the [shapes|figures|objects]?",
    f"[On|Against] [what|which] {C} [is it|are they|are the shapes] [drawn|painted|placed|shown]?",
    "[On|In front of] [what|which] [|kind of ][background|ground] [are the shapes|is it drawn]?",
    f"What [|kind of ]background [is there|does {IT} have|do you see|has it]?",
    f"[|Please ][name|give|state|say|describe] the [{C} of the {GROUND}|background {C}]{WHERE}.",
    f"The {GROUND}: [what|which] {C}[?| is it?]",
    f"The {GROUND} [is [what|which] {C}|has [what|which] {C}]?",
    f"[|The ][background|{C} of the background][?|, please.]",
    f"[What|How] is the {GROUND} [like|coloured|colored|painted]?",
    f"[What|Which] {C} fills the [rest|ground|empty space] of {IT}?",
    f"And the {GROUND}, [what|which] {C}?",
    indirect(
        f"[what|which] {C} the {GROUND} is",
        f"the {C} of the {GROUND}",
        f"the background {C} of {IT}",
        f"what is the {C} of the {GROUND}",
        f"[what|which] {C} is behind the [shapes|figures]",
        f"on [what|which] {C} it is drawn",
    ),
)
THERE = (
    f"Is there [|also |perhaps ]{{a_thing}}{WHERE}?",
    f"Are there [any |some |also |]{{things}}{WHERE}?",
    f"[Do|Can|Could|Did] you [see|find|spot|notice|make out|detect] {{a_thing}}{WHERE}?",
    f"[Do|Could|Did] you [see|find|spot|notice|make out] [any |some |]{{things}}{WHERE}?",
    f"Does [it|{IT}] [show|have|include|depict|present] [{{a_thing}}|any {{things}}|{{things}}]?",
    "Does it contain [{a_thing}|any {things}]?",
    f"Is {{a_thing}} [in|on|part of|visible in|present in|drawn in|to be seen in] {IT}?",
    "Is {a_thing} [visible|there|present|drawn|to be seen|here]?",
    f"Are {{things}} [visible|there|present|drawn|to be seen] [in|on] {IT}?",
    f"[Any {{things}}|{{a_thing}}|Some {{things}}]{WHERE}[?|, yes or no?| or not?]",
    f"[There [is {{a_thing}}|are {{things}}]|You see {{a_thing}}|I see {{a_thing}}]{WHERE}{TAG}",
    f"[It|{IT}] [has|shows|contains] [{{a_thing}}|{{things}}]{TAG}",
    f"{SUPPOSE}there [is {{a_thing}}|are {{things}}]{WHERE}{TAG}",
    f"{TRUE} there [is {{a_thing}}|are {{things}}]{WHERE}?",
    f"{TRUE} {IT} [has|shows|contains] {{a_thing}}?",
    f"{CHECK} there [is {{a_thing}}|are {{things}}|are any {{things}}]{WHERE}.",
    f"{CHECK} [you see|{IT} has|it shows] {{a_thing}}.",
    f"[In|On] {IT}, [is there {{a_thing}}|do you see {{a_thing}}|can you find {{a_thing}}]?",
    indirect(
        f"[if|whether] there [is {{a_thing}}|are any {{things}}|are {{things}}]{WHERE}",
        f"[if|whether] you [see|find] {{a_thing}}{WHERE}",
        f"[if|whether] {IT} [has|shows|contains] {{a_thing}}",
        f"[if|whether] {{a_thing}} is [there|drawn|visible]{WHERE}",
    ),
)
IS_IT = (
    "{Is} the {things} {colour}?",
    f"{{Is}} the {{things}} [|drawn in |painted |filled with |also |truly ]{{colour}}{WHERE}?",
    "{Is} the {things} [actually|perhaps|by any chance|in fact|indeed|maybe] {colour}?",
    f"{{Is}} the {{things}} of [a|the] {{colour}} {C}?",
    f"{{Is}} the {{things}} {{colour}}[, yes or no?| or not?|, or another {C}?]",
    f"Is the {C} of the {{things}} {{colour}}{WHERE}?",
    "Would you [say|think] [|that ]the {things} {is} {colour}?",
    "Would you call the {things} {colour}?",
    f"The {{things}} {{is}} [|drawn in |painted ]{{colour}}{WHERE}{TAG}",
    f"{SUPPOSE}the {{things}} {{is}} {{colour}}{WHERE}{TAG}",
    f"{TRUE} the {{things}} {{is}} {{colour}}{WHERE}?",
    "Am I right [in|when] [saying|thinking] [|that ]the {things} {is} {colour}?",
    f"{CHECK} the {{things}} {{is}} {{colour}}{WHERE}.",
    f"{{colour}}: is that the {C} of the {{things}}?",
    f"The {C} of the {{things}} is {{colour}}{TAG}",
    "The {things}: is [that|it] {colour}?",
    f"[In|On] {IT}, {{is}} the {{things}} {{colour}}?",
    indirect(
        f"[if|whether] the {{things}} {{is}} [|really |drawn in ]{{colour}}{WHERE}",
        f"[if|whether] the {C} of the {{things}} is {{colour}}",
        "{is} the {things} {colour}",
    ),
)
KIND = "[|||kinds of |types of |sorts of |different |various ]"
SHAPES = "[shapes|shapes|shapes|figures|forms]"
FOUND = (
    "[are there|do you see|did you see|can be seen|are drawn|are shown|are visible|are present"
    "|do you notice|do you recognise|have been drawn|are to be seen|do we have|do you find]"
)
KINDS = (
    "[Which|What] shapes are there?",
    f"[Which|What] {KIND}{SHAPES} {FOUND}{WHERE}?",
    f"[Which|What] {KIND}{SHAPES} are [in|on] {IT}?",
    f"[Which|What] {KIND}{SHAPES} can you [see|find|make out|recognise|spot]{WHERE}?",
    f"[Which|What] {KIND}{SHAPES} does [it|{IT}] [show|have|contain|include|depict]?",
    f"[|Please |Now ][name|list|enumerate|give me|write down|tell me] [|all ][|the ]{KIND}{SHAPES}"
    f"[| you see| that you see| that are there| {IT} shows]{WHERE}.",
    f"[Can|Could|Would|Will] you [|please ][name|list|enumerate] [|all ]the {KIND}{SHAPES}{WHERE}?",
    f"[What|Which] are the {KIND}{SHAPES}[| you see| that you see| that are drawn]{WHERE}?",
    f"[|Please ][make|give me|write] a list of [|all ]the {SHAPES}{WHERE}.",
    f"The {SHAPES}{WHERE}: [which|what] [are they|do you see|are there]?",
    f"Look at the {SHAPES}{WHERE}. [Which|What] [are they|ones do you see|ones are there]?",
    f"[It|{IT}] [has|shows|contains|consists of] [which|what] {SHAPES}?",
    f"[In|On] {IT}, [which|what] {KIND}{SHAPES} [do you see|are drawn|can be seen|are shown]?",
    f"[Of|From] [which|what] {SHAPES} is {IT} made?",
    f"There are {SHAPES}{WHERE}[, which?|. Which ones?|: which?|. What are they?]",
    f"A list of the {SHAPES}, please.",
    indirect(
        f"[which|what] {KIND}{SHAPES} [there are|you see|you can see|are drawn|are there]{WHERE}",
        f"[which|what] {KIND}{SHAPES} {IT} [has|contains|is made of]",
        f"[which|what] {KIND}{SHAPES} are [in|on] {IT}",
        f"the names of the {SHAPES}{WHERE}",
        f"[which|what] the {SHAPES} are",
    ),
)
TRAINED = Phrasings(
    describe=DESCRIBE,
    count=COUNT,
    colour=COLOUR,
    shape=SHAPE,
    background=BACKGROUND,
    there=THERE,
    is_it=IS_IT,
    kinds=KINDS,
    describe_zh=trained_zh.DESCRIBE,
    count_zh=trained_zh.COUNT,
    colour_zh=trained_zh.COLOUR,
    shape_zh=trained_zh.SHAPE,
)
