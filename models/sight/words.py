"""Names of shapes, colours and numbers, and the few sentences that are always the same."""

from __future__ import annotations

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
    "{} Thanks!",
    "{} Please look closely.",
    "Good morning! {}",
    "Please, {}",
    "Now {}",
    "A question about this {image}: {}",
    "And now: {}",
    "{} Thank you.",
)
OPENINGS_ZH = ("你好，{}", "请看图。{}", "看这张图片。{}", "你好！{}", "我有一个问题：{}")
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
NO_DRAWING = "I see no drawing. Please send me one."
NO_DRAWING_ZH = "我没有看到图画。请发一张给我。"
GREETINGS = ("Hello", "Hi!", "Who are you?", "What can you do?", "Why is the sky blue?", "Thanks!")
