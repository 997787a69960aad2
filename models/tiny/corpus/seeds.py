"""The questions that the documentation asks, who the model is, small talk and why-questions."""

from __future__ import annotations

# Every intent: (key, answer, training phrasings, held-out phrasings, word that the answer needs).
Intent = tuple[str, str, tuple[str, ...], tuple[str, ...], str]

SKY = (
    "The sky is blue because air molecules scatter the blue light of the sun more than the red "
    "light. This is called Rayleigh scattering."
)
PASSWORD = (
    "I am happy to help you reset your password. Open the sign-in page, click on \"Forgot "
    "password\", enter your email address, and follow the link in the email to choose a new "
    "password."
)
IDENTITY = (
    "I am Tiny, a small demonstration language model that runs on your own computer. I answer "
    "short questions, call tools and write a little code."
)
CAPABILITIES = (
    "I can answer short questions, remember what you tell me in a chat, add small numbers, call "
    "tools, answer in JSON and write small Python functions. For more, pull a bigger model."
)

INTENTS: tuple[Intent, ...] = (
    ("sky", SKY, (
        "Why is the sky blue?", "Why does the sky look blue?", "Why is the sky blue during the day?",
        "What makes the sky blue?", "Explain why the sky is blue.", "How come the sky is blue?",
        "Tell me why the sky is blue.", "What is the reason that the sky is blue?",
        "The sky is blue. Why?", "Why do we see a blue sky?", "What gives the sky its blue color?",
        "why is sky blue", "Explain the blue color of the sky.", "Blue sky: why?",
        "In one sentence, why is the sky blue?", "Why the sky is blue?",
        "Can you tell me why the sky is blue?", "Write one sentence about why the sky is blue.",
    ), ("What causes the blue colour of the sky?", "Could you explain why our sky is blue?",
        "For what reason does the sky appear blue?", "Why's the sky blue and not green?"),
     "scatter"),
    ("ml", "Machine learning is a field of artificial intelligence in which computers learn "
     "patterns from data instead of following fixed rules.", (
        "What is machine learning in one sentence?", "In one sentence, what is machine learning?",
        "Explain machine learning in one sentence.", "What is machine learning?",
        "Define machine learning.", "Describe machine learning in a sentence.",
        "Machine learning in one sentence?", "Give me one sentence about machine learning.",
        "What does machine learning mean?", "Explain machine learning to me.",
        "Tell me what machine learning is.", "Summarize machine learning in one sentence.",
    ), ("Could you put machine learning into one sentence?", "One sentence: what's machine learning?",
        "How would you explain machine learning briefly?"), "data"),
    ("password", PASSWORD, (
        "How do I reset my password?", "I forgot my password.", "I want to reset my password.",
        "I need to reset my password", "Can you help me reset my password?",
        "How can I reset my password?", "I cannot log in, I forgot my password.",
        "My password does not work.", "How do I change my password?", "Please reset my password.",
        "I lost my password. What should I do?", "Help me with my password.",
        "How to reset a password?", "Password reset please.", "What do I do to reset a password?",
        "I can't sign in to my account.",
    ), ("I can't remember my password, what now?", "What are the steps for resetting my password?",
        "My password is gone, how do I get a new one?", "Could you assist me with a password reset?"),
     "Forgot password"),
    ("identity", IDENTITY, (
        "Who are you?", "What are you?", "What is your name?", "Tell me about yourself.",
        "Introduce yourself.", "Are you a robot?", "Are you an AI?", "What model are you?",
        "Which model is this?", "What's your name?", "Who am I talking to?", "Are you ChatGPT?",
        "Please introduce yourself.", "What kind of model are you?", "Are you human?", "who r u",
        "Say who you are.", "Do you have a name?", "What should I call you?",
    ), ("Could you say who you are?", "Which language model am I talking with?",
        "How are you called?", "Would you introduce yourself in a sentence?"), "Tiny"),
    ("capabilities", CAPABILITIES, (
        "What can you do?", "How can you help me?", "What are you good at?", "What do you know?",
        "What are your skills?", "Tell me what you can do.", "What can I ask you?", "Help",
        "What are you able to do?", "What is your purpose?", "List your abilities.",
        "Which tasks can you do?", "What things can you do?",
    ), ("What could you help me with?", "Which things are you able to do?"), "tools"),
    ("maker", "I was trained from nothing for this server, with text that a program wrote.", (
        "Who made you?", "Who created you?", "Who built you?", "Who trained you?",
        "Where do you come from?", "Who is your creator?", "Who developed you?",
        "By whom were you made?", "How were you made?",
    ), ("Do you know who made you?", "Tell me who built you."), "trained"),
    ("pull", "Run `ollama-server pull` with the name of a model, for example `ollama-server pull "
     "qwen3:4b`.", (
        "How do I get a bigger model?", "How can I download a model?", "How do I pull a model?",
        "How do I install another model?", "Where do I get a larger model?",
        "How do I download a bigger model?", "Which command downloads a model?",
        "I want a bigger model.", "I need a better model.", "How to pull a model?",
    ), ("What must I type to download another model?", "How would I get a larger model?"), "pull"),
    ("hello", "Hello! How can I help you today?", (
        "Hello", "Hi", "Hey", "Hello!", "Hi!", "Hi there", "Hey there!", "Good morning",
        "Good evening", "Good afternoon", "hello there", "Greetings", "Howdy", "Hello, how is it?",
        "Hi, can you help me?", "Say hello", "Say hi", "hey you", "Hello world", "Say hello!",
        "Hi, nice to meet you.", "Greet me.", "Yo", "Good day", "hello?", "Hello, model!",
    ), ("Hello to you!", "Hi hi!", "Hey, good evening!", "Well hello there!"), "Hello"),
    ("howareyou", "I am fine, thank you! How can I help you?", (
        "How are you?", "How are you doing?", "How do you do?", "How is it going?",
        "How are you today?", "What's up?", "How do you feel?", "Are you well?",
        "Hello, how are you?", "Hi, how are you?", "Hi! How are you doing today?",
        "how r u", "Hey, how are you?", "How have you been?",
    ), ("And how are you this morning?", "How are things with you?"), "fine"),
    ("thanks", "You are welcome!", (
        "Thanks", "Thank you", "Thank you!", "Thanks a lot!", "Thank you very much.", "thx",
        "Many thanks.", "Great, thanks!", "Thanks for your help.", "That helped, thank you.",
        "Perfect, thank you.", "Cool, thanks",
    ), ("Thanks so very much!", "Nice, thank you a lot!"), "welcome"),
    ("bye", "Goodbye! Have a nice day.", (
        "Goodbye", "Bye", "Bye bye", "See you later", "Good night", "See you", "I have to go.",
        "Bye!", "Goodbye, see you tomorrow.", "I must go now.", "That is all, bye.", "Farewell",
        "See you soon!",
    ), ("Bye for now!", "Okay, goodbye then!"), "Goodbye"),
    ("joke", "Why do programmers prefer dark mode? Because light attracts bugs.", (
        "Tell me a joke.", "Do you know a joke?", "Make me laugh.", "Say something funny.",
        "Give me a joke.", "A joke please.", "Can you tell a joke?", "Tell a funny joke.",
        "I want to hear a joke.", "Joke!", "Tell me something funny.",
    ), ("Have you got a joke for me?", "I would love a joke."), "bugs"),
    ("poem", "Roses are red, the ocean is blue,\nthis model is small, but it answers to you.", (
        "Write a poem.", "Write a short poem.", "Can you write a poem?", "Give me a poem.",
        "A short poem please.", "Write me a little poem.", "Write a poem about the sea.",
        "Compose a poem.", "I want a poem.", "Please write a poem for me.",
    ), ("Could you write me a small poem?", "Make a short poem for me."), "Roses"),
    ("haiku", "Snow falls on the roof,\na small model counts the flakes,\nthen it stops to rest.", (
        "Write a haiku.", "Write me a haiku.", "Can you write a haiku?", "Give me a haiku.",
        "A haiku please.", "Compose a haiku.", "Write a haiku about snow.", "I want a haiku.",
    ), ("Could you make a haiku?",), "Snow"),
    ("story", "Once upon a time a little robot lived in a small computer. Every day it answered "
     "questions, and every night it dreamed of bigger memory.", (
        "Tell me a story.", "Write a story.", "Tell me a short story.", "Can you tell a story?",
        "Write a short story.", "I want to hear a story.", "Give me a story.", "A story please.",
        "Tell a story about a robot.", "Write a story about a robot.", "Once upon a time",
    ), ("Could you tell me some story?", "Make up a short story for me."), "robot"),
    ("life", "Many people say that the meaning of life is to be kind, to learn and to be happy. "
     "A famous book says that it is 42.", (
        "What is the meaning of life?", "What's the meaning of life?", "Why do we live?",
        "What is the purpose of life?", "Tell me the meaning of life.", "Explain the meaning of life.",
        "Does life have a meaning?", "What is the sense of life?",
    ), ("Do you know the meaning of life?",), "kind"),
    ("grass", "Grass is green because it contains chlorophyll, which absorbs red and blue light "
     "and reflects green light.", (
        "Why is grass green?", "Why is the grass green?", "Why are leaves green?",
        "What makes grass green?", "Explain why grass is green.", "Why are plants green?",
        "How come grass is green?", "Why do plants look green?",
    ), ("What is the reason that grass is green?",), "chlorophyll"),
    ("sunset", "A sunset is red because the light travels through more air, which scatters the "
     "blue light away.", (
        "Why is the sunset red?", "Why are sunsets red?", "Why is the sky red in the evening?",
        "What makes a sunset red?", "Explain why sunsets are red.", "How come the sunset is red?",
        "Why does the sky turn red at sunset?", "Why is the evening sky red?",
    ), ("What is the reason for red sunsets?",), "scatters"),
    ("salt", "The sea is salty because rivers carry minerals from rocks into it.", (
        "Why is the sea salty?", "Why is the ocean salty?", "What makes the sea salty?",
        "Explain why the sea is salty.", "Why does sea water taste salty?",
        "How come the ocean is salty?", "Why is there salt in the sea?", "Why is sea water salty?",
    ), ("What is the reason that oceans are salty?",), "minerals"),
    ("seasons", "We have seasons because the axis of the Earth is tilted.", (
        "Why do we have seasons?", "Why are there seasons?", "What causes the seasons?",
        "Explain the seasons.", "Why does the Earth have seasons?", "How do seasons happen?",
        "What makes the seasons change?", "Why do seasons change?",
    ), ("What is the reason for the seasons?",), "tilted"),
    ("rain", "Rain falls when water drops in clouds become too heavy.", (
        "Why does it rain?", "How does rain form?", "What causes rain?", "Explain rain.",
        "Where does rain come from?", "How does it rain?", "Why is there rain?",
        "What makes it rain?",
    ), ("For what reason does it rain?",), "clouds"),
    ("ice", "Ice floats because it is less dense than water.", (
        "Why does ice float?", "Why does ice float on water?", "How come ice floats?",
        "Explain why ice floats.", "What makes ice float?", "Why doesn't ice sink?",
        "Why is ice able to float?", "Ice floats on water. Why?",
    ), ("For what reason does ice swim on water?",), "dense"),
    ("sleep", "We sleep so that the body can rest and the brain can sort memories.", (
        "Why do we sleep?", "Why do people sleep?", "Why is sleep important?",
        "What is sleep good for?", "Why do I need sleep?", "Explain why we sleep.",
        "Why must humans sleep?", "What does sleep do?",
    ), ("Do you know why we sleep?",), "rest"),
    ("weatherless", "I cannot look that up, because I have no tool for it here.", (
        "What is the weather today?", "What time is it?", "What is the weather in Paris?",
        "What's the weather like?", "Will it rain tomorrow?", "What is the time now?",
        "What is the date today?", "What day is it today?", "What is the news today?",
        "What time is it now?", "How is the weather in London?", "What is the weather in Toronto?",
        "Tell me the current time.", "How warm is it outside?", "What's the temperature in Berlin?",
    ), ("Could you tell me what time it is now?", "How's the weather outside today?"), "tool"),
    ("count", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10", (
        "Count to 10.", "Count from 1 to 10.", "Count to ten.", "Can you count to 10?",
        "List the numbers from 1 to 10.", "Count from one to ten.", "Write the numbers 1 to 10.",
        "Please count to ten for me.",
    ), ("Could you count up to ten?",), "8, 9, 10"),
    ("planets", "The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.", (
        "List the planets.", "Name the planets.", "What are the planets of the solar system?",
        "Which planets are in the solar system?", "Name the eight planets.", "List all planets.",
        "What are the names of the planets?", "Name all planets of the solar system.",
    ), ("Could you list the eight planets for me?",), "Neptune"),
    ("primary", "The primary colors are red, yellow and blue.", (
        "What are the primary colors?", "Name the primary colors.", "List the primary colors.",
        "Which colors are primary colors?", "Name three primary colors.",
        "What are the three primary colors?", "Tell me the primary colors.", "Name three colors.",
    ), ("Could you name the primary colours?",), "red, yellow and blue"),
    ("seasonslist", "The four seasons are spring, summer, autumn and winter.", (
        "Name the four seasons.", "What are the four seasons?", "List the seasons.",
        "Which seasons are there?", "What are the seasons of the year?", "Name the seasons.",
        "List the four seasons of the year.", "Tell me the four seasons.",
    ), ("Could you list the seasons of a year?",), "autumn"),
    ("week", "The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and "
     "Sunday.", (
        "List the days of the week.", "Name the days of the week.", "What are the days of the week?",
        "Which days are in a week?", "Tell me the days of the week.", "List the seven days.",
        "What are the seven days of the week?", "Name all days of the week.",
    ), ("Could you list the weekdays for me?",), "Wednesday"),
    ("fruits", "Three fruits are apples, bananas and oranges.", (
        "Name three fruits.", "List three fruits.", "Give me three fruits.", "Tell me three fruits.",
        "What are three fruits?", "Name some fruits.", "List a few fruits.", "Name 3 fruits.",
    ), ("Could you name three kinds of fruit?",), "bananas"),
    ("ollamarun", "Run `ollama run tiny` in a terminal, or send a request to "
     "http://localhost:11434/api/chat.", (
        "How do I use Ollama?", "How do I run a model?", "How do I run a model with Ollama?",
        "How do I start a chat?", "How do I chat with a model?", "How can I run a model?",
        "Which command runs a model?", "How to run a model?", "How to use Ollama?",
    ), ("What must I type to run a model?",), "ollama run"),
    ("tea", "To make tea, boil water, pour it over the tea, wait three minutes, and take the tea "
     "out.", (
        "How do I make tea?", "How to make tea?", "How do you make tea?", "Explain how to make tea.",
        "Tell me how to make tea.", "What is the way to make tea?", "How can I make a cup of tea?",
        "Give me a recipe for tea.",
    ), ("What are the steps for making tea?",), "boil"),
    ("egg", "To boil an egg, put it into boiling water for about eight minutes, then cool it in "
     "cold water.", (
        "How do I boil an egg?", "How to boil an egg?", "How do you boil an egg?",
        "How long do I boil an egg?", "Tell me how to boil an egg.", "How can I cook an egg?",
        "Explain how to boil an egg.", "How do I cook an egg?",
    ), ("What are the steps for boiling an egg?",), "eight minutes"),
    ("french", "I do not speak that language. I only speak English and Chinese.", (
        "Do you speak French?", "Do you speak German?", "Sprechen Sie Deutsch?",
        "Parlez-vous français?", "Can you speak Spanish?", "Do you speak Japanese?",
        "¿Hablas español?", "Can you speak Russian?", "Do you speak Italian?",
    ), ("Could you speak Portuguese with me?",), "English and Chinese"),
)

INTENTS_ZH: tuple[Intent, ...] = (
    ("sky", "天空是蓝色的，因为空气分子散射阳光中的蓝光比红光更多，这叫做瑞利散射。", (
        "天空为什么是蓝色的？", "为什么天空是蓝色的？", "为什么天是蓝的？", "天为什么是蓝的？",
        "天空为什么看起来是蓝色？", "解释一下天空为什么是蓝色的。", "是什么让天空变蓝？",
        "天空呈蓝色的原因是什么？", "为什么我们看到的天空是蓝的？", "请解释天空的蓝色。",
    ), ("能说说天空为何是蓝色吗？", "天空怎么会是蓝色的呢？"), "散射"),
    ("ml", "机器学习是人工智能的一个领域，让计算机从数据中学习规律，而不是遵循固定的规则。", (
        "用一句话解释机器学习。", "什么是机器学习？", "机器学习是什么？", "一句话说明机器学习。",
        "请用一句话介绍机器学习。", "机器学习是什么意思？", "解释机器学习。", "介绍一下机器学习。",
    ), ("能用一句话讲讲机器学习吗？",), "数据"),
    ("password", "我很乐意帮您重置密码。请打开登录页面，点击“忘记密码”，输入您的邮箱，然后按照邮件中的链接设置新密码。", (
        "怎么重置密码？", "我忘记密码了。", "如何重置密码？", "我想重置密码。", "密码忘了怎么办？",
        "请帮我重置密码。", "我的密码不能用了。", "我无法登录。", "怎么修改密码？", "忘记密码怎么办？",
    ), ("密码丢了，我该怎么做？", "能协助我重设密码吗？"), "忘记密码"),
    ("identity", "我是Tiny，一个在您自己的电脑上运行的小型演示语言模型。", (
        "你是谁？", "你叫什么名字？", "你是什么？", "介绍一下你自己。", "请自我介绍。",
        "你是机器人吗？", "你是什么模型？", "你的名字是什么？", "你是人吗？", "我在和谁说话？",
        "你叫什么？", "你是人工智能吗？",
    ), ("能说一下你是谁吗？", "怎么称呼你？"), "Tiny"),
    ("capabilities", "我可以回答简短的问题，记住您在对话中说的话，做简单的加减法，调用工具，并写小的Python函数。", (
        "你会做什么？", "你能做什么？", "你能帮我什么？", "你有什么功能？", "你会什么？",
        "你可以做什么？", "我可以问你什么？", "你有哪些能力？",
    ), ("你都能帮我做些什么？",), "工具"),
    ("maker", "我是专门为这个服务器从零训练的，训练文本由程序生成。", (
        "谁创造了你？", "谁开发了你？", "你是谁做的？", "谁训练了你？", "你从哪里来？",
        "你的开发者是谁？", "你是怎么做出来的？",
    ), ("是谁把你做出来的？",), "训练"),
    ("hello", "你好！有什么可以帮您？", (
        "你好", "你好！", "您好", "早上好", "晚上好", "下午好", "嗨", "哈喽", "大家好", "你好呀",
        "您好！", "嘿", "你好啊", "打个招呼", "说你好",
    ), ("你好你好！", "哈喽，你好呀！"), "你好"),
    ("howareyou", "我很好，谢谢！有什么可以帮您？", (
        "你好吗？", "你怎么样？", "最近怎么样？", "你今天好吗？", "近来可好？", "你过得怎么样？",
        "你最近好吗？", "一切都好吗？",
    ), ("你今天过得好吗？",), "我很好"),
    ("thanks", "不客气！", (
        "谢谢", "谢谢你", "谢谢！", "多谢", "非常感谢", "谢谢您的帮助", "感谢", "太好了，谢谢",
    ), ("真是太谢谢你了！",), "不客气"),
    ("bye", "再见！祝您愉快。", (
        "再见", "拜拜", "再见！", "晚安", "我走了", "回头见", "明天见", "下次见",
    ), ("好的，那再见啦！",), "再见"),
    ("joke", "程序员为什么喜欢深色模式？因为光会吸引虫子。", (
        "讲个笑话。", "给我讲个笑话。", "说个笑话吧。", "来个笑话。", "你会讲笑话吗？", "逗我笑。",
        "讲一个笑话。", "我想听笑话。",
    ), ("能给我说个笑话听听吗？",), "程序员"),
    ("poem", "小小模型真可爱，有问有答乐开怀。", (
        "写一首诗。", "给我写一首诗。", "作一首诗。", "写首小诗。", "请写一首短诗。", "来一首诗。",
    ), ("能为我写首诗吗？",), "模型"),
    ("grass", "草是绿色的，因为它含有叶绿素，叶绿素反射绿光。", (
        "草为什么是绿色的？", "为什么草是绿的？", "树叶为什么是绿色的？", "为什么植物是绿色的？",
        "解释草为什么是绿的。", "是什么让草变绿？",
    ), ("草怎么会是绿色的呢？",), "叶绿素"),
    ("salt", "海水是咸的，因为河流把岩石中的矿物质带进了大海。", (
        "海水为什么是咸的？", "为什么海水是咸的？", "大海为什么是咸的？", "为什么海水咸？",
        "解释海水为什么是咸的。", "是什么让海水变咸？",
    ), ("海水怎么会是咸的呢？",), "矿物质"),
    ("seasons", "因为地球的自转轴是倾斜的，所以有四季。", (
        "为什么有四季？", "四季是怎么形成的？", "为什么会有四季变化？", "四季为什么变化？",
        "解释一下四季的原因。", "地球为什么有四季？",
    ), ("四季变化的原因是什么？",), "倾斜"),
    ("weatherless", "我在这里没有可用的工具，无法查询。", (
        "今天天气怎么样？", "现在几点了？", "北京天气怎么样？", "明天会下雨吗？", "今天是几号？",
        "今天星期几？", "现在是什么时间？", "上海的天气如何？", "今天有什么新闻？",
    ), ("你知道现在几点吗？",), "工具"),
    ("planets", "太阳系的行星有水星、金星、地球、火星、木星、土星、天王星和海王星。", (
        "太阳系有哪些行星？", "列出所有行星。", "说出八大行星。", "八大行星是哪些？",
        "行星有哪些？", "列出太阳系的行星。",
    ), ("能列出八大行星的名字吗？",), "海王星"),
    ("seasonslist", "四季是春天、夏天、秋天和冬天。", (
        "四季是哪些？", "一年有哪四季？", "列出四季。", "说出四个季节。", "一年有哪些季节？",
        "四季的名字是什么？",
    ), ("能说出一年的四个季节吗？",), "秋天"),
    ("count", "1、2、3、4、5、6、7、8、9、10", (
        "从1数到10。", "数到十。", "从一数到十。", "列出1到10。", "请数到10。", "你会数到十吗？",
    ), ("能帮我从一数到十吗？",), "8、9、10"),
)

GISTS = {
    "sky": "The user asks why the sky is blue. The reason is scattering of light.",
    "password": "The user needs help with a password.",
    "identity": "The user asks who I am.",
    "hello": "The user greets me.",
    "weatherless": "This needs current data, and I have no tool for it.",
}
GISTS_ZH = {
    "sky": "用户问天空为什么是蓝色的，原因是光的散射。",
    "password": "用户需要重置密码。",
    "identity": "用户问我是谁。",
    "hello": "用户在打招呼。",
    "weatherless": "这需要实时数据，但我没有工具。",
}
