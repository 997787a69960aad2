"""A second test set, which never decides what is trained.

These phrasings were written before those that training got afterwards, and no model had answered
any of them. Training leaves them out as it does the held-out ones; which of them fail is never
shown, so that nobody trains for them.
"""

from __future__ import annotations

from models.sight.phrasings.base import Phrasings

BLIND = Phrasings(
    describe=(
        "What am I looking at?",
        "Tell me about this {image}.",
        "Put this {image} into words.",
        "I cannot see the {image}. What is on it?",
        "What has been drawn in this {image}?",
        "Give me a short description of what you see.",
        "How would you describe this {image}?",
        "What is there to see?",
    ),
    count=(
        "How many {things} would you say there are?",
        "What's the total number of {things} in the {image}?",
        "Could you count the {things} for me?",
        "I need to know how many {things} are drawn.",
        "Give me the number of {things}, please.",
        "How many {things} did somebody draw here?",
        "In this {image}, how many {things} are there?",
    ),
    colour=(
        "Do you know what colour the {things} {is}?",
        "Which colour was used for the {things}?",
        "I would like to know the colour of the {things}.",
        "What colour do you see on the {things}?",
        "The {things} {is} of which colour?",
        "Say what color the {things} {is}, please.",
        "In this {image}, what color {is} the {things}?",
    ),
    shape=(
        "What is the shape of the {colour} {one}?",
        "In this {image}, which {shape} {is} {colour}?",
        "I see something {colour}. What is it?",
        "Tell me what the {colour} {shape} {is}.",
        "Can you name the {colour} {shape}?",
        "What shape has the {colour} colour?",
        "What sort of shape {is} the {colour} {one}?",
    ),
    background=(
        "What colour does the background have?",
        "What is the colour behind everything?",
        "What color is the area around the shapes?",
        "Could you name the colour of the background?",
        "In this {image}, what colour is the background?",
        "I want to know the background colour.",
        "What color did they use for the background?",
    ),
    there=(
        "Could you check whether there is {a_thing}?",
        "Is {a_thing} shown in this {image}?",
        "Are any {things} visible?",
        "Have you found {a_thing}?",
        "Tell me if there is {a_thing} in the {image}.",
        "In this {image}, are there any {things}?",
        "Is {a_thing} among the shapes?",
    ),
    is_it=(
        "Could it be that the {things} {is} {colour}?",
        "The {things} {is} {colour}. Is that correct?",
        "Somebody told me that the {things} {is} {colour}. Is that so?",
        "Is {colour} the colour of the {things}?",
        "{Is} the {things} in this {image} {colour}?",
        "Please confirm that the {things} {is} {colour}.",
    ),
    kinds=(
        "What sorts of shapes are in this {image}?",
        "Can you list the shapes that are drawn?",
        "Which shapes did you find?",
        "What shapes are we looking at?",
        "In this {image}, what shapes are there?",
        "Please name every shape in the {image}.",
        "Tell me what kinds of shapes the {image} shows.",
        "I want to know which shapes are in there.",
    ),
    describe_zh=(
        "这幅图上画着什么？",
        "能描述一下你看到的吗？",
        "请用一句话介绍这张图。",
        "我想知道图上有什么。",
        "你在图片中看到了哪些东西？",
        "画面上都有什么？",
    ),
    count_zh=(
        "请问图上有几个{things}？",
        "图片里总共有多少个{things}？",
        "{things}一共有多少？",
        "你能数出几个{things}？",
        "告诉我{things}的数量。",
        "这里有多少{things}？",
    ),
    colour_zh=(
        "请问{things}是什么颜色的？",
        "{things}用的是什么颜色？",
        "{things}属于哪种颜色？",
        "你知道{things}是什么颜色吗？",
        "我想知道{things}的颜色。",
        "{things}涂成了什么颜色？",
    ),
    shape_zh=(
        "请问{colour}的是哪种图形？",
        "{colour}的东西是什么形状？",
        "哪种形状是{colour}的？",
        "你知道{colour}的图形是什么吗？",
        "图片上{colour}的那个是什么形状？",
        "{colour}的图形属于什么形状？",
    ),
)
