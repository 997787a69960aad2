"""The phrasings of the test set. Training never uses them."""

from __future__ import annotations

from models.sight.phrasings.base import Phrasings

HELD_OUT = Phrasings(
    describe=("Could you describe this {image}?", "What can you see in the {image}?"),
    count=("How many {things} can you count?", "Please count the {things} in the {image}."),
    colour=("Can you tell me the color of the {things}?", "Of what colour {is} the {things}?"),
    shape=("What form {is} the {colour} {one}?", "Which kind of shape is {colour} in the {image}?"),
    background=(
        "Can you tell me the colour of the background?",
        "Which color is the background of the {image}?",
    ),
    there=("Does the {image} contain {a_thing}?", "Can you see any {things}?"),
    is_it=("{Is} the {things} really {colour}?", "Am I right that the {things} {is} {colour}?"),
    kinds=("What shapes can you see in the {image}?", "Which shapes does the {image} contain?"),
    describe_zh=("请说说图片里有什么。", "请描述一下这张图片。"),
    count_zh=("你看到了多少个{things}？", "请数一数图中的{things}。"),
    colour_zh=("请告诉我{things}的颜色。", "图里的{things}是什么颜色的？"),
    shape_zh=("请告诉我{colour}的图形是什么。", "图里{colour}的图形是什么形状？"),
)
