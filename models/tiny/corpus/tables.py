"""The small encyclopaedia behind the fact questions. Plain rows, one fact each."""

# ruff: noqa: E501, SIM905 (one fact per line)

from __future__ import annotations


def rows(text: str) -> list[list[str]]:
    """Splits a table of lines with `|` between the cells."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


# country | capital | continent | language | currency | 国家 | 首都
COUNTRIES = rows("""
France | Paris | Europe | French | euro | 法国 | 巴黎
Germany | Berlin | Europe | German | euro | 德国 | 柏林
Italy | Rome | Europe | Italian | euro | 意大利 | 罗马
Spain | Madrid | Europe | Spanish | euro | 西班牙 | 马德里
Portugal | Lisbon | Europe | Portuguese | euro | 葡萄牙 | 里斯本
Japan | Tokyo | Asia | Japanese | yen | 日本 | 东京
China | Beijing | Asia | Chinese | yuan | 中国 | 北京
India | New Delhi | Asia | Hindi and English | rupee | 印度 | 新德里
Canada | Ottawa | North America | English and French | Canadian dollar | 加拿大 | 渥太华
Australia | Canberra | Oceania | English | Australian dollar | 澳大利亚 | 堪培拉
Brazil | Brasilia | South America | Portuguese | real | 巴西 | 巴西利亚
Russia | Moscow | Europe and Asia | Russian | ruble | 俄罗斯 | 莫斯科
Egypt | Cairo | Africa | Arabic | pound | 埃及 | 开罗
Greece | Athens | Europe | Greek | euro | 希腊 | 雅典
Sweden | Stockholm | Europe | Swedish | krona | 瑞典 | 斯德哥尔摩
Norway | Oslo | Europe | Norwegian | krone | 挪威 | 奥斯陆
Denmark | Copenhagen | Europe | Danish | krone | 丹麦 | 哥本哈根
Finland | Helsinki | Europe | Finnish | euro | 芬兰 | 赫尔辛基
Poland | Warsaw | Europe | Polish | zloty | 波兰 | 华沙
Austria | Vienna | Europe | German | euro | 奥地利 | 维也纳
Switzerland | Bern | Europe | German, French and Italian | franc | 瑞士 | 伯尔尼
Belgium | Brussels | Europe | Dutch and French | euro | 比利时 | 布鲁塞尔
Netherlands | Amsterdam | Europe | Dutch | euro | 荷兰 | 阿姆斯特丹
Ireland | Dublin | Europe | English and Irish | euro | 爱尔兰 | 都柏林
England | London | Europe | English | pound | 英国 | 伦敦
Turkey | Ankara | Europe and Asia | Turkish | lira | 土耳其 | 安卡拉
Mexico | Mexico City | North America | Spanish | peso | 墨西哥 | 墨西哥城
Argentina | Buenos Aires | South America | Spanish | peso | 阿根廷 | 布宜诺斯艾利斯
Chile | Santiago | South America | Spanish | peso | 智利 | 圣地亚哥
Peru | Lima | South America | Spanish | sol | 秘鲁 | 利马
Colombia | Bogota | South America | Spanish | peso | 哥伦比亚 | 波哥大
Cuba | Havana | North America | Spanish | peso | 古巴 | 哈瓦那
Kenya | Nairobi | Africa | Swahili and English | shilling | 肯尼亚 | 内罗毕
Nigeria | Abuja | Africa | English | naira | 尼日利亚 | 阿布贾
Morocco | Rabat | Africa | Arabic | dirham | 摩洛哥 | 拉巴特
Ethiopia | Addis Ababa | Africa | Amharic | birr | 埃塞俄比亚 | 亚的斯亚贝巴
South Korea | Seoul | Asia | Korean | won | 韩国 | 首尔
Vietnam | Hanoi | Asia | Vietnamese | dong | 越南 | 河内
Thailand | Bangkok | Asia | Thai | baht | 泰国 | 曼谷
Indonesia | Jakarta | Asia | Indonesian | rupiah | 印度尼西亚 | 雅加达
Philippines | Manila | Asia | Filipino and English | peso | 菲律宾 | 马尼拉
Malaysia | Kuala Lumpur | Asia | Malay | ringgit | 马来西亚 | 吉隆坡
Nepal | Kathmandu | Asia | Nepali | rupee | 尼泊尔 | 加德满都
Pakistan | Islamabad | Asia | Urdu | rupee | 巴基斯坦 | 伊斯兰堡
Iran | Tehran | Asia | Persian | rial | 伊朗 | 德黑兰
Iraq | Baghdad | Asia | Arabic | dinar | 伊拉克 | 巴格达
Saudi Arabia | Riyadh | Asia | Arabic | riyal | 沙特阿拉伯 | 利雅得
Mongolia | Ulaanbaatar | Asia | Mongolian | tugrik | 蒙古 | 乌兰巴托
Ukraine | Kyiv | Europe | Ukrainian | hryvnia | 乌克兰 | 基辅
Hungary | Budapest | Europe | Hungarian | forint | 匈牙利 | 布达佩斯
Czechia | Prague | Europe | Czech | koruna | 捷克 | 布拉格
Romania | Bucharest | Europe | Romanian | leu | 罗马尼亚 | 布加勒斯特
Iceland | Reykjavik | Europe | Icelandic | krona | 冰岛 | 雷克雅未克
New Zealand | Wellington | Oceania | English | New Zealand dollar | 新西兰 | 惠灵顿
""")

# thing | colour | 东西 | 颜色
COLOURS = rows("""
banana | yellow | 香蕉 | 黄色
lemon | yellow | 柠檬 | 黄色
strawberry | red | 草莓 | 红色
tomato | red | 西红柿 | 红色
carrot | orange | 胡萝卜 | 橙色
cucumber | green | 黄瓜 | 绿色
frog | green | 青蛙 | 绿色
leaf | green | 树叶 | 绿色
snowflake | white | 雪花 | 白色
polar bear | white | 北极熊 | 白色
raven | black | 乌鸦 | 黑色
elephant | grey | 大象 | 灰色
flamingo | pink | 火烈鸟 | 粉色
fire truck | red | 消防车 | 红色
sunflower | yellow | 向日葵 | 黄色
chocolate bar | brown | 巧克力 | 棕色
eggplant | purple | 茄子 | 紫色
ocean | blue | 大海 | 蓝色
""")

# animal | sound verb | young | legs | 动物 | 腿
ANIMALS = rows("""
dog | barks | puppy | four | 狗 | 四
cat | meows | kitten | four | 猫 | 四
cow | moos | calf | four | 牛 | 四
sheep | bleats | lamb | four | 羊 | 四
horse | neighs | foal | four | 马 | 四
pig | oinks | piglet | four | 猪 | 四
duck | quacks | duckling | two | 鸭子 | 两
lion | roars | cub | four | 狮子 | 四
frog | croaks | tadpole | four | 青蛙 | 四
hen | clucks | chick | two | 母鸡 | 两
goat | bleats | kid | four | 山羊 | 四
wolf | howls | pup | four | 狼 | 四
owl | hoots | owlet | two | 猫头鹰 | 两
bee | buzzes | larva | six | 蜜蜂 | 六
""")

OPPOSITES = rows("""
hot | cold
big | small
fast | slow
up | down
left | right
open | closed
day | night
light | dark
happy | sad
old | new
rich | poor
high | low
hard | soft
wet | dry
full | empty
early | late
strong | weak
long | short
good | bad
black | white
clean | dirty
loud | quiet
love | hate
win | lose
buy | sell
push | pull
start | stop
begin | end
yes | no
true | false
near | far
thick | thin
heavy | light
wide | narrow
safe | dangerous
easy | difficult
inside | outside
first | last
""")

OPPOSITES_ZH = rows("""
大 | 小
高 | 低
快 | 慢
热 | 冷
长 | 短
多 | 少
新 | 旧
黑 | 白
上 | 下
左 | 右
前 | 后
开 | 关
早 | 晚
远 | 近
胖 | 瘦
轻 | 重
""")

# English | Chinese | French | Spanish | German
WORDS = rows("""
water | 水 | eau | agua | Wasser
fire | 火 | feu | fuego | Feuer
cat | 猫 | chat | gato | Katze
dog | 狗 | chien | perro | Hund
house | 房子 | maison | casa | Haus
book | 书 | livre | libro | Buch
friend | 朋友 | ami | amigo | Freund
tree | 树 | arbre | árbol | Baum
sun | 太阳 | soleil | sol | Sonne
moon | 月亮 | lune | luna | Mond
bread | 面包 | pain | pan | Brot
milk | 牛奶 | lait | leche | Milch
apple | 苹果 | pomme | manzana | Apfel
fish | 鱼 | poisson | pez | Fisch
school | 学校 | école | escuela | Schule
hello | 你好 | bonjour | hola | hallo
thank you | 谢谢 | merci | gracias | danke
goodbye | 再见 | au revoir | adiós | auf Wiedersehen
yes | 是 | oui | sí | ja
no | 不 | non | no | nein
mother | 母亲 | mère | madre | Mutter
father | 父亲 | père | padre | Vater
flower | 花 | fleur | flor | Blume
mountain | 山 | montagne | montaña | Berg
river | 河 | fleuve | río | Fluss
red | 红色 | rouge | rojo | rot
blue | 蓝色 | bleu | azul | blau
good | 好 | bon | bueno | gut
love | 爱 | amour | amor | Liebe
computer | 电脑 | ordinateur | ordenador | Computer
""")

ELEMENTS = rows("""
gold | Au | 金
silver | Ag | 银
iron | Fe | 铁
oxygen | O | 氧
hydrogen | H | 氢
carbon | C | 碳
nitrogen | N | 氮
helium | He | 氦
sodium | Na | 钠
copper | Cu | 铜
lead | Pb | 铅
calcium | Ca | 钙
zinc | Zn | 锌
chlorine | Cl | 氯
uranium | U | 铀
silicon | Si | 硅
""")

# many | one | number
UNITS = rows("""
days | a week | 7
months | a year | 12
hours | a day | 24
minutes | an hour | 60
seconds | a minute | 60
days | a year | 365
weeks | a year | 52
years | a century | 100
years | a decade | 10
meters | a kilometer | 1000
centimeters | a meter | 100
grams | a kilogram | 1000
bits | a byte | 8
bytes | a kilobyte | 1024
letters | the English alphabet | 26
sides | a triangle | 3
sides | a square | 4
sides | a hexagon | 6
planets | the solar system | 8
continents | the world | 7
strings | a guitar | 6
players | a football team | 11
items | a dozen | 12
colors | a rainbow | 7
degrees | a circle | 360
teeth | an adult mouth | 32
""")

UNITS_ZH = rows("""
一周有多少天 | 一周有七天。
一年有多少个月 | 一年有十二个月。
一天有多少小时 | 一天有二十四小时。
一小时有多少分钟 | 一小时有六十分钟。
一分钟有多少秒 | 一分钟有六十秒。
一年有多少天 | 一年有三百六十五天。
一公里有多少米 | 一公里有一千米。
一个字节有多少位 | 一个字节有八位。
三角形有几条边 | 三角形有三条边。
太阳系有几颗行星 | 太阳系有八颗行星。
世界上有几个大洲 | 世界上有七个大洲。
彩虹有几种颜色 | 彩虹有七种颜色。
""")

# what | answer   (asked as "What is X?" or "Which is X?")
RECORDS = rows("""
the largest planet | Jupiter
the smallest planet | Mercury
the hottest planet | Venus
the planet closest to the sun | Mercury
the red planet | Mars
the planet with the famous rings | Saturn
the largest ocean | the Pacific Ocean
the longest river in the world | the Nile
the highest mountain in the world | Mount Everest
the largest country in the world | Russia
the smallest country in the world | Vatican City
the largest desert made of sand | the Sahara
the fastest land animal | the cheetah
the largest animal on Earth | the blue whale
the tallest animal | the giraffe
the largest land animal | the elephant
the king of the jungle | the lion
the hardest natural material | diamond
the boiling point of water | 100 degrees Celsius
the freezing point of water | 0 degrees Celsius
the speed of light | about 300,000 kilometers per second
the chemical formula of water | H2O
the chemical formula of table salt | NaCl
the square root of 16 | 4
the square root of 81 | 9
the value of pi | about 3.14159
the first month of the year | January
the last month of the year | December
the shortest month | February
the coldest season | winter
the hottest season | summer
the star nearest to the Earth | the Sun
the natural satellite of the Earth | the Moon
the galaxy that we live in | the Milky Way
the largest continent | Asia
the smallest continent | Australia
the coldest continent | Antarctica
the largest organ of the human body | the skin
the default port of Ollama | 11434
the default port of HTTPS | 443
the default port of HTTP | 80
the default port of SSH | 22
the gas that plants take in | carbon dioxide
the gas that we need to breathe | oxygen
the smallest prime number | 2
the largest two-digit number | 99
the largest rainforest | the Amazon
the tallest building in the world | the Burj Khalifa
""")

RECORDS_ZH = rows("""
最大的行星 | 木星
最小的行星 | 水星
最热的行星 | 金星
红色的行星 | 火星
最大的海洋 | 太平洋
世界上最长的河流 | 尼罗河
中国最长的河流 | 长江
世界上最高的山 | 珠穆朗玛峰
世界上面积最大的国家 | 俄罗斯
跑得最快的陆地动物 | 猎豹
最大的动物 | 蓝鲸
最高的动物 | 长颈鹿
最硬的天然物质 | 钻石
水的沸点 | 100摄氏度
水的冰点 | 0摄氏度
水的化学式 | H2O
光速 | 每秒约30万公里
一年中最短的月份 | 二月
最冷的大洲 | 南极洲
最大的大洲 | 亚洲
离地球最近的恒星 | 太阳
地球的卫星 | 月亮
最小的质数 | 2
中国的国宝 | 大熊猫
""")

# verb phrase | who   (asked as "Who wrote X?")
PEOPLE = rows("""
wrote Hamlet | William Shakespeare
wrote Romeo and Juliet | William Shakespeare
wrote Don Quixote | Miguel de Cervantes
wrote War and Peace | Leo Tolstoy
wrote Pride and Prejudice | Jane Austen
wrote Harry Potter | J. K. Rowling
wrote The Hobbit | J. R. R. Tolkien
wrote The Little Prince | Antoine de Saint-Exupéry
painted the Mona Lisa | Leonardo da Vinci
painted The Starry Night | Vincent van Gogh
painted Guernica | Pablo Picasso
invented the telephone | Alexander Graham Bell
invented the light bulb | Thomas Edison
invented the World Wide Web | Tim Berners-Lee
invented the printing press | Johannes Gutenberg
discovered penicillin | Alexander Fleming
discovered gravity | Isaac Newton
discovered radium | Marie Curie
developed the theory of relativity | Albert Einstein
proposed the theory of evolution | Charles Darwin
created Python | Guido van Rossum
created Linux | Linus Torvalds
created the C language | Dennis Ritchie
founded Microsoft | Bill Gates and Paul Allen
founded Apple | Steve Jobs and Steve Wozniak
composed the Moonlight Sonata | Ludwig van Beethoven
composed The Magic Flute | Wolfgang Amadeus Mozart
was the first person on the Moon | Neil Armstrong
was the first person in space | Yuri Gagarin
was the first president of the United States | George Washington
""")

PEOPLE_ZH = rows("""
谁写了《红楼梦》 | 《红楼梦》是曹雪芹写的。
谁写了《西游记》 | 《西游记》是吴承恩写的。
谁写了《水浒传》 | 《水浒传》是施耐庵写的。
谁写了《三国演义》 | 《三国演义》是罗贯中写的。
谁写了《静夜思》 | 《静夜思》是李白写的。
谁写了《哈姆雷特》 | 《哈姆雷特》是莎士比亚写的。
谁画了《蒙娜丽莎》 | 《蒙娜丽莎》是达芬奇画的。
谁发明了电话 | 电话是贝尔发明的。
谁发明了电灯 | 电灯是爱迪生发明的。
谁提出了相对论 | 相对论是爱因斯坦提出的。
谁发现了万有引力 | 万有引力是牛顿发现的。
谁创造了Python | Python是吉多·范罗苏姆创造的。
谁创造了Linux | Linux是林纳斯·托瓦兹创造的。
谁第一个登上月球 | 第一个登上月球的人是阿姆斯特朗。
""")

SEQUENCES = (
    ("day", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()),
    (
        "month",
        "January February March April May June July August September October November "
        "December".split(),
    ),
)

PLURALS = rows("""
mouse | mice
child | children
foot | feet
tooth | teeth
man | men
woman | women
goose | geese
knife | knives
leaf | leaves
city | cities
box | boxes
sheep | sheep
person | people
baby | babies
""")

PASTS = rows("""
go | went
eat | ate
see | saw
run | ran
write | wrote
take | took
give | gave
come | came
buy | bought
think | thought
make | made
find | found
speak | spoke
swim | swam
drink | drank
""")

# subject | sentence
DEFINITIONS = rows("""
Docker | Docker is a tool that packs an application with everything it needs into a container, so that it runs the same way on every machine.
Ollama | Ollama is a tool that downloads and runs large language models on your own computer and offers them through a simple API.
machine learning | Machine learning is a field of artificial intelligence in which computers learn patterns from data instead of following fixed rules.
artificial intelligence | Artificial intelligence is the field of building machines that can do tasks that normally need human thinking.
deep learning | Deep learning is machine learning with neural networks that have many layers.
a neural network | A neural network is a model made of layers of simple connected units that learn from examples.
a large language model | A large language model is a neural network trained on a lot of text to predict and write language.
a token | A token is a small piece of text, such as a word or a part of a word, that a language model reads and writes.
an embedding | An embedding is a list of numbers that represents the meaning of a text.
quantization | Quantization stores the weights of a model with fewer bits, so that it needs less memory.
GGUF | GGUF is a file format for the weights and settings of language models that llama.cpp uses.
llama.cpp | llama.cpp is a C++ library that runs language models fast on ordinary computers.
a context window | A context window is the number of tokens that a model can read at once.
a prompt | A prompt is the text that you give to a language model.
temperature | Temperature is a setting that controls how random the answers of a language model are.
Kubernetes | Kubernetes is a system that runs and manages containers on many machines.
a container | A container is an isolated environment that holds a program and everything it needs.
an API | An API is a set of rules that lets one program talk to another.
REST | REST is a style of web API that uses HTTP requests on resources.
HTTP | HTTP is the protocol that browsers and servers use to exchange web pages.
HTTPS | HTTPS is HTTP with encryption, so that nobody can read the traffic.
HTML | HTML is the language that describes the structure of web pages.
CSS | CSS is the language that describes how web pages look.
JSON | JSON is a simple text format for data made of objects, lists, strings and numbers.
YAML | YAML is a text format for settings that is easy for people to read.
SQL | SQL is a language to query and change data in databases.
a database | A database is an organized collection of data that programs can search and change.
Python | Python is a popular programming language that is easy to read and to learn.
JavaScript | JavaScript is the programming language of web browsers.
Rust | Rust is a fast programming language that prevents many memory errors.
Java | Java is a programming language that runs on a virtual machine on many systems.
C++ | C++ is a fast programming language for systems, games and large programs.
Go | Go is a simple compiled programming language made at Google.
Linux | Linux is a free operating system kernel that runs on servers, phones and computers.
Git | Git is a version control system that records the history of files.
GitHub | GitHub is a website that hosts Git repositories and helps people work together.
an algorithm | An algorithm is a list of clear steps that solves a problem.
a variable | A variable is a name that holds a value in a program.
a function | A function is a named block of code that does one task and can return a value.
a loop | A loop is code that repeats a block several times.
recursion | Recursion is when a function calls itself to solve a smaller part of a problem.
a compiler | A compiler is a program that translates source code into machine code.
a bug | A bug is a mistake in a program that makes it behave wrongly.
open source | Open source means that everyone may read, use and change the source code.
a CPU | A CPU is the main processor of a computer that executes instructions.
a GPU | A GPU is a processor with many cores that is good at graphics and at machine learning.
RAM | RAM is the fast working memory of a computer, which loses its contents without power.
an operating system | An operating system is the software that manages the hardware and runs programs.
a server | A server is a computer or program that answers requests from clients.
cloud computing | Cloud computing means using computers and storage over the internet.
the internet | The internet is a worldwide network that connects computers.
a browser | A browser is a program that shows web pages.
a firewall | A firewall is a filter that blocks unwanted network traffic.
DNS | DNS is the system that translates names of websites into IP addresses.
an IP address | An IP address is a number that identifies a device on a network.
a VPN | A VPN is an encrypted connection through another network.
encryption | Encryption turns data into a secret form that only the right key can read.
a cache | A cache is a fast store that keeps data that will be needed again soon.
a virtual machine | A virtual machine is a computer simulated by software.
Bluetooth | Bluetooth is a radio technology that connects devices over short distances.
Wi-Fi | Wi-Fi is a technology that connects devices to a network by radio.
a byte | A byte is a unit of data made of eight bits.
photosynthesis | Photosynthesis is how plants use sunlight, water and carbon dioxide to make sugar and oxygen.
gravity | Gravity is the force that pulls objects with mass toward each other.
an atom | An atom is the smallest unit of a chemical element.
a molecule | A molecule is a group of atoms that are bound together.
DNA | DNA is the molecule that carries the genetic information of living things.
a cell | A cell is the smallest living unit of an organism.
evolution | Evolution is the change of living things over many generations.
energy | Energy is the ability to do work.
electricity | Electricity is the flow of electric charge.
a black hole | A black hole is a region of space with gravity so strong that not even light can escape.
a star | A star is a huge ball of hot gas that shines by its own light.
a planet | A planet is a large round body that moves around a star.
a galaxy | A galaxy is a huge group of stars, gas and dust.
the solar system | The solar system is the Sun with the eight planets and other bodies that move around it.
a volcano | A volcano is an opening in the ground where hot lava and gas come out.
an earthquake | An earthquake is a shaking of the ground caused by movements of the Earth's crust.
a rainbow | A rainbow is an arc of colors made when raindrops bend and reflect sunlight.
a desert | A desert is a dry region with very little rain.
an island | An island is land with water all around it.
climate change | Climate change is the long-term change of the Earth's temperature and weather, today mainly caused by humans.
democracy | Democracy is a form of government in which the people choose their leaders by voting.
inflation | Inflation is a general rise of prices over time.
philosophy | Philosophy is the study of basic questions about life, knowledge and values.
a metaphor | A metaphor is a figure of speech that describes one thing as if it were another.
a haiku | A haiku is a short Japanese poem with lines of five, seven and five syllables.
a prime number | A prime number is a number greater than one that only one and itself divide.
a triangle | A triangle is a shape with three sides and three corners.
a vitamin | A vitamin is a substance that the body needs in small amounts to stay healthy.
a virus | A virus is a tiny particle that needs living cells to multiply.
yoga | Yoga is a practice of exercises, breathing and meditation from India.
chess | Chess is a board game for two players who try to checkmate the other king.
sushi | Sushi is a Japanese dish of rice with fish or vegetables.
pizza | Pizza is an Italian dish of flat bread with tomato, cheese and other toppings.
coffee | Coffee is a drink made from roasted coffee beans.
a llama | A llama is a woolly animal from South America that is related to camels and alpacas.
quantum computing | Quantum computing uses quantum bits, which can be in several states at once, to solve some problems faster.
the theory of relativity | The theory of relativity by Albert Einstein describes how space, time and gravity depend on motion and mass.
TCP | TCP is a network protocol that delivers data reliably and in order.
UDP | UDP is a network protocol that sends data fast but without a guarantee that it arrives.
SSH | SSH is a protocol for secure remote access to another computer.
TLS | TLS is the protocol that encrypts connections on the internet.
a WebSocket | A WebSocket is a connection over which a browser and a server can both send messages at any time.
a regular expression | A regular expression is a pattern that describes a set of texts.
a unit test | A unit test is a small program that checks one part of the code.
fine-tuning | Fine-tuning means training a finished model further on data for a special task.
a transformer | A transformer is a neural network that uses attention to relate all tokens of a text to each other.
inference | Inference means using a trained model to compute an answer.
a KV cache | A KV cache stores the keys and values of earlier tokens, so that a model need not compute them again.
batching | Batching means that a server computes several requests together to use the hardware better.
a vector database | A vector database stores embeddings and finds the ones that are most similar.
RAG | RAG means that a model gets passages found by a search and answers with their help.
an API key | An API key is a secret text that identifies a program to a service.
a class | A class is a plan for objects that bundles data and functions.
a list | A list is an ordered collection of values in a program.
a dictionary | A dictionary in Python maps keys to values.
a proxy | A proxy is a server that passes requests on to other servers.
latency | Latency is the time between a request and its answer.
bandwidth | Bandwidth is the amount of data that a connection can carry per second.
a thread | A thread is a sequence of instructions that runs beside others in one program.
""")

DEFINITIONS_ZH = rows("""
Docker | Docker是一种把应用程序和它需要的一切打包进容器的工具，让程序在任何机器上都能同样运行。
Ollama | Ollama是一个在自己的电脑上下载和运行大语言模型的工具，并通过简单的接口提供服务。
机器学习 | 机器学习是人工智能的一个领域，让计算机从数据中学习规律，而不是遵循固定的规则。
人工智能 | 人工智能是让机器完成通常需要人类思考的任务的技术。
深度学习 | 深度学习是使用多层神经网络的机器学习。
神经网络 | 神经网络是由许多相连的简单单元组成、从例子中学习的模型。
大语言模型 | 大语言模型是用大量文本训练、能够理解和生成语言的神经网络。
Python | Python是一种易读易学的流行编程语言。
Linux | Linux是一种自由的操作系统内核。
数据库 | 数据库是有组织的数据集合，程序可以查询和修改它。
算法 | 算法是解决问题的一系列明确步骤。
操作系统 | 操作系统是管理硬件并运行程序的软件。
互联网 | 互联网是连接全世界计算机的网络。
服务器 | 服务器是回答客户端请求的计算机或程序。
浏览器 | 浏览器是显示网页的程序。
变量 | 变量是程序中保存数值的名字。
函数 | 函数是完成一项任务并可以返回结果的代码块。
递归 | 递归是函数调用自身来解决更小的问题。
开源 | 开源是指任何人都可以阅读、使用和修改源代码。
量化 | 量化是用更少的位数保存模型权重，从而节省内存。
JSON | JSON是一种由对象、列表、字符串和数字组成的简单文本格式。
API | API是让一个程序与另一个程序通信的一组规则。
GPU | GPU是拥有许多核心、擅长图形和机器学习的处理器。
CPU | CPU是计算机中执行指令的主要处理器。
Git | Git是记录文件历史的版本控制系统。
光合作用 | 光合作用是植物利用阳光、水和二氧化碳制造糖和氧气的过程。
重力 | 重力是有质量的物体之间相互吸引的力。
原子 | 原子是化学元素的最小单位。
细胞 | 细胞是生物体最小的生命单位。
黑洞 | 黑洞是引力强到连光都无法逃脱的空间区域。
恒星 | 恒星是自己发光的巨大炽热气体球。
火山 | 火山是地面上喷出熔岩和气体的开口。
地震 | 地震是地壳运动引起的地面震动。
彩虹 | 彩虹是雨滴折射和反射阳光形成的彩色弧线。
沙漠 | 沙漠是降雨很少的干旱地区。
民主 | 民主是人民通过投票选择领导人的政治制度。
通货膨胀 | 通货膨胀是物价随时间普遍上涨。
质数 | 质数是大于一且只能被一和它本身整除的数。
围棋 | 围棋是两个人用黑白棋子争夺地盘的棋类游戏。
咖啡 | 咖啡是用烘焙过的咖啡豆制成的饮料。
""")
