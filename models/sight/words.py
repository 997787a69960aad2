"""Phrasings: how questions about a drawing are put, in English and in Chinese.

`{things}` is what is asked about ("red circles"), `{is}` its verb, `{colour}` a colour. The last
HELD of every list are never trained: the test set uses only those.
"""

from __future__ import annotations

HELD = 2

DESCRIBE = (
    "What do you see?",
    "What do you see in this {image}?",
    "Describe the {image}.",
    "What is in the {image}?",
    "What is in this {image}?",
    "What's in this {image}?",
    "Describe this {image}.",
    "What does the {image} show?",
    "Tell me what you see.",
    "What is this a {image} of?",
    "Please describe this {image}.",
    "Caption this {image}.",
    "What is drawn here?",
    "Explain what is in this {image}.",
    "Describe it.",
    "What's this?",
    "What is shown here?",
    "Write a caption for this {image}.",
    "Say what you see in the {image}.",
    "What can you see?",
    "What can you see here?",
    "What can be seen in this {image}?",
    "What is visible in this {image}?",
    "Can you describe the {image}?",
    "Could you tell me what is in the {image}?",
    "Give a description of this {image}.",
    "Could you describe this {image}?",
    "What can you see in the {image}?",
)
COUNT = (
    "How many {things} are there?",
    "How many {things} do you see?",
    "How many {things} are in the {image}?",
    "How many {things} are in this {image}?",
    "Count the {things}.",
    "Count the {things} in this {image}.",
    "Please count the {things}.",
    "Please count all {things} you see.",
    "Can you count the {things} in this {image}?",
    "What is the number of {things}?",
    "How many {things} does the {image} have?",
    "Tell me how many {things} there are.",
    "How many {things}?",
    "How many {things} are shown?",
    "Number of {things}?",
    "How many {things} does it show?",
    "How many {things} can you count?",
    "Please count the {things} in the {image}.",
)
COLOUR = (
    "What colour {is} the {things}?",
    "What color {is} the {things}?",
    "Which colour {is} the {things}?",
    "What is the colour of the {things}?",
    "What is the color of the {things}?",
    "Tell me the colour of the {things}.",
    "Name the colour of the {things}.",
    "What colour {is} the {things} in this {image}?",
    "What color {is} the {things} in the {image}?",
    "In which colour {is} the {things} drawn?",
    "The {things}: what colour?",
    "Can you tell me the color of the {things}?",
    "Of what colour {is} the {things}?",
)
SHAPE = (
    "What shape {is} the {colour} {one}?",
    "Which shape is {colour}?",
    "What shape is {colour}?",
    "What {is} the {colour} {shape}?",
    "What kind of shape {is} the {colour} {one}?",
    "Which {shape} {is} {colour}?",
    "Name the {colour} {shape}.",
    "What is {colour}?",
    "What is {colour} in this {image}?",
    "Tell me which shape is {colour}.",
    "What do you see that is {colour}?",
    "What form {is} the {colour} {one}?",
    "Which kind of shape is {colour} in the {image}?",
)
BACKGROUND = (
    "What colour is the background?",
    "What color is the background?",
    "Which colour does the background have?",
    "What is the colour of the background?",
    "What is the background color?",
    "Tell me the colour of the background.",
    "What colour is behind the shapes?",
    "On what colour is it drawn?",
    "Name the background colour.",
    "The background: what colour?",
    "What is the background like?",
    "Can you tell me the colour of the background?",
    "Which color is the background of the {image}?",
)
THERE = (
    "Is there {a_thing}?",
    "Do you see {a_thing}?",
    "Are there any {things}?",
    "Does the {image} show {a_thing}?",
    "Is {a_thing} in the {image}?",
    "Can you see {a_thing}?",
    "Are there {things} in this {image}?",
    "Do you see any {things}?",
    "Is there {a_thing} in the {image}?",
    "Does it have {a_thing}?",
    "Any {things}?",
    "Does this {image} have {a_thing}?",
    "Do you find {a_thing} in the {image}?",
    "Does it show any {things}?",
    "Does the {image} contain {a_thing}?",
    "Can you see any {things}?",
)
IS_IT = (
    "{Is} the {things} {colour}?",
    "{Is} the {things} {colour} in this {image}?",
    "{Is} the {things} drawn in {colour}?",
    "Would you say that the {things} {is} {colour}?",
    "Is it true that the {things} {is} {colour}?",
    "I think the {things} {is} {colour}. Right?",
    "The {things} {is} {colour}, true or not?",
    "Do you see that the {things} {is} {colour}?",
    "{Is} the {things} really {colour}?",
    "Am I right that the {things} {is} {colour}?",
)
KINDS = (
    "Which shapes are there?",
    "What shapes do you see?",
    "Which shapes are in the {image}?",
    "What shapes are in this {image}?",
    "What kinds of shapes are there?",
    "Name the shapes.",
    "List the shapes.",
    "Tell me which shapes there are.",
    "What shapes does it show?",
    "What shapes can be seen?",
    "Which shapes can you see?",
    "Which shapes can you find in the {image}?",
    "What shapes are shown here?",
    "Which kinds of shapes do you see?",
    "What shapes does this {image} have?",
    "Which shapes are drawn here?",
    "What different shapes are there in the {image}?",
    "What shapes can you see in the {image}?",
    "Which shapes does the {image} contain?",
)
IMAGES = ("image", "picture", "drawing")
ANY_SHAPE = ("shapes", "shapes", "objects", "things", "figures")
OPENINGS = (
    "Hello! {}",
    "Look at this {image}. {}",
    "Here is a {image}. {}",
    "Hi, {}",
    "Look closely. {}",
    "I have a question: {}",
    "Please answer: {}",
)
ONE_WORD = ("Answer in one word.", "One word.", "Reply with one word only.", "Be brief.")
ONE_DIGIT = ("Answer with a digit.", "Reply with just the number.", "Only the digit, please.")
SYSTEMS = (
    "You are a helpful assistant.",
    "You are a vision assistant.",
    "Describe images truthfully.",
    "You look at drawings and answer questions about them.",
    "Answer the user's question.",
)
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
PLURALS = {"cross": "crosses"}

DESCRIBE_ZH = (
    "你看到了什么？",
    "图里有什么？",
    "描述这张图片。",
    "请描述这张图片。",
    "这张图片上有什么？",
    "图中画了什么？",
    "这是什么？",
    "说说你看到了什么。",
    "请描述一下这幅画。",
    "画里有什么？",
    "请说一说你看到的图片。",
    "图片里画了什么？",
    "请告诉我图里有什么。",
    "请说说图片里有什么。",
    "请描述一下这张图片。",
)
COUNT_ZH = (
    "有几个{things}？",
    "有多少个{things}？",
    "图中有几个{things}？",
    "图里有多少个{things}？",
    "一共有几个{things}？",
    "数一数{things}。",
    "你看到几个{things}？",
    "{things}有几个？",
    "{things}有多少个？",
    "请数一数有几个{things}。",
    "你看到了多少个{things}？",
    "请数一数图中的{things}。",
)
COLOUR_ZH = (
    "{things}是什么颜色？",
    "{things}是什么颜色的？",
    "{things}的颜色是什么？",
    "{things}是哪种颜色？",
    "图中的{things}是什么颜色？",
    "请说出{things}的颜色。",
    "{things}什么颜色？",
    "你看到的{things}是什么颜色？",
    "{things}的颜色是哪种？",
    "请告诉我{things}的颜色。",
    "图里的{things}是什么颜色的？",
)
SHAPE_ZH = (
    "{colour}的是什么形状？",
    "{colour}的图形是什么？",
    "{colour}的图形是什么形状？",
    "什么图形是{colour}的？",
    "哪个图形是{colour}的？",
    "什么是{colour}的？",
    "图中{colour}的是什么？",
    "{colour}的是什么图形？",
    "请说出{colour}的图形。",
    "请告诉我{colour}的图形是什么。",
    "图里{colour}的图形是什么形状？",
)
SHAPES_ZH = {
    "circle": "圆形",
    "square": "正方形",
    "triangle": "三角形",
    "star": "星形",
    "cross": "十字形",
    "heart": "心形",
}
COLOURS_ZH = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "black": "黑色",
    "white": "白色",
    "grey": "灰色",
}
NUMBERS_ZH = ("零", "一", "两", "三", "四", "五", "六")
ANY_SHAPE_ZH = "图形"
BLIND = "I see no drawing. Please send me one."
BLIND_ZH = "我没有看到图画。请发一张给我。"
GREETINGS = ("Hello", "Hi!", "Who are you?", "What can you do?", "Why is the sky blue?", "Thanks!")
