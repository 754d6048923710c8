"""The templates of the stories: their openings, schemas and endings.

`[a|b]` is a choice, `?a` is a or nothing, and `{slot}` is a word of the story's world:

{H} {Hs}          the hero, the hero's      {he} {him} {his}  the hero's pronouns
{kind}            a little girl             {F} {fhis}        a friend, the friend's pronoun
{fchild}          girl or boy, of friends   {M} {m}           Mom or Dad, mom or dad
{O} {aO}          the thing, with colour    {on} {aon}        the thing, without colour
{A}               an animal                 {need} {helped}   its problem, the hero's help
{P} {L}           in the park, park         {spot}            a hiding place, also {spot2} {spot3}
{D} {aD}          a food, with article      {skill}           something to learn
{c}               a colour                  {trait} {end}     sentences of TRAIT and ENDS
{odd} {q} {a} {l} an opening of ODD, and its object, adjective and place
"""

import re


def parse(text):
    """Returns {name: (weight, [template, ...])}.

    Each name and weight precede their templates. A continuation line has four spaces."""
    text = re.sub(r'\n {4}(?=\|)', '', text)
    parsed = {}
    for line in re.sub(r'\n {4}', ' ', text).strip().splitlines():
        if line.startswith('  '):
            templates.append(line[2:])
        else:
            name, weight = line.split()
            parsed[name] = int(weight), (templates := [])
    return parsed


OPENINGS = parse('''
plain 22
time 20
  [One day|One morning|One sunny day|One evening|One night|In the morning|In the evening|In the
    afternoon|At night|After lunch|After school|Today|Yesterday|Last week|Last summer|On a sunny day
    |On a rainy day|On Sunday|Long ago|Once upon a time|Once],
weather 13
  [The sun was [shining|bright|warm|up|shining in the sky|shining and the sky was blue|shining and
    the birds were singing]|It was a [sunny|rainy|cold|warm|windy|snowy|nice|beautiful|lovely|quiet]
    [day|morning|evening|afternoon]|The sky was [blue|gray|dark]|It was [raining|snowing]|The [wind
    was blowing|birds were singing]|It was [summer|winter|spring]|The moon was bright|One [night
    |evening], the moon was [bright|shining]|One [day|morning], the sun was [bright|shining]|One
    [day|night], it was [raining|snowing|windy|cold]|Snow was falling|The rain stopped|It was time
    to play].
about 18
  {H} lived [in a [small|big|little|white] house|near the {L}|with {his} {m}].|{H} and {F} [went to
    the {L}|walked to the {L}|ran to the {L}|were playing {P}] [|together].|{H} and {F} [were {P}
    |liked to play {P}|played {P}].|{H} was [happy|sad|excited] because [it was [sunny|raining|a
    nice day]|{he} had nothing to do].|{M} said, "[Good morning|Hello|Wake up|Come here], {H}!"|{H}
    and {F} were [best friends|good friends|friends]. [They [played|walked|laughed] together every
    day.|They both liked the {L}.]|{H} was {P} with {his} {m}.|{H} and {his} {m} [went|walked|drove]
    to the {L}. [It was a nice day.|The sun was warm.|They were happy.]|{H} woke up early.|{H} got
    up and ate breakfast.|{H} was [playing|sitting|walking|standing] {P}.|{H} was [happy|sad|bored
    |excited|tired] [today|that day|].|{H} wanted to play [outside|{P}|with {F}].|{H} [liked|loved]
    to [play|run|sing|read|draw] [{P}|with {F}|].|{H} [looked out of the window|looked at the sky
    |heard a noise|had an idea].|"[Good morning|Hello|Wake up|Come here], {H}!" said {M}.|{H} had a
    friend named {F}.|{H} [smiled|laughed|ran fast|sat down|was not happy].|It was [quiet|nice
    |beautiful] {P}. {H} was there with {his} {m}.
classic 40
  [Once upon a time, there was|Once upon a time, there was|Once upon a time, there lived|Long ago,
    there lived|One day, there was|Once there was] {kind}[|| who [liked|loved] to [play|run|sing
    |dance|read|draw|swim]]. [{his} name was {H}.|{he} was called {H}.] [?{trait}]
named 40
  [Once upon a time, there was|Once upon a time, there was|Once upon a time, there lived|Long ago,
    there lived|One day, there was] {kind} named {H}. [?{trait}]
bare 10
  [There was|There once was|This is a story about|{P}, there [was|lived]] {kind} named {H}.
    [?{trait}]|{kind} named {H} [lived [{P}|in a small house]|was {P}|liked to play {P}]. [?{trait}]
was 4
  {H} was {kind}. [?{trait}]|{H} was [three|four|five|six|seven] years old. [?{trait}]
odd 5
  <x:{odd}>
''')

UNNAMED = ('[Once upon a time, there [was|lived]|One day, there was|There was|Long ago, there '
           'lived] {kind}[|| who [liked|loved] to [play|run|sing|dance|eat]]. [?{trait}]')
TRAIT = ('{he} [liked|loved] to [play|run|sing|dance|read|draw|jump|swim|help] [{P}|all day'
         '|every day|with {F}|].|{he} was [very|always|so] [kind|happy|brave|funny|shy|curious'
         '|smart].|{he} lived [in a small house|with {his} {m}|near the {L}].|{he} had [a friend'
         '|a good friend|a best friend] named {F}.')
ODD = ['Nobody knew why the {q} was so {a}.', 'Everyone in the {l} talked about the {a} {q}.',
       'Far away, a {a} {q} stood near the {l}.', 'The {q} in the {l} made a {a} sound.',
       'What a {a} morning it was!', 'Have you ever seen a {a} {q}?',
       'Deep in the {l}, something moved.', 'People said that the {l} was {a}.',
       '"Wake up!" shouted the {q}.', 'Snow covered the {a} {l}.', 'Winter came early to the {l}.',
       'Listen to this story.', 'Not far from the {l}, it was {a}.',
       'When the {q} arrived, everything changed.', 'My {q} is very {a}.',
       'We went to the {l} by {q}.', 'At the {l}, children played with a {q}.',
       'The {a} {l} was full of people.', 'Suddenly, the {q} fell down.',
       'Behind the {l} lived a {a} {q}.', 'Summer was over.']

# Each template tells one step of an event. The first one follows an opening or completes it.
SCHEMAS = parse('''
lost 10
  {H} had {aO}.|{H} had a [new|favorite] toy. It was {aO}.|{H} [liked|loved] to play with {his} {O}.
  ?{he} [played with|looked at|talked to|took care of] the {O} [every day|all the time|every
    morning].|The {O} was {his} favorite thing.
  One [day|morning|evening], {he} could not find the {O}.|But [then|one day|one morning] the {O} was
    [gone|lost|not there].|Then {he} lost the {O} {P}.
  {he} looked {spot}[|], but [the {O} was not there|{he} did not see the {O}|{he} found nothing].
  {H} was [very|so] sad. "Where is my {O}?" [asked|said|cried] {H}.|"[I lost my {O}|I can not find
    my {O}|Oh no, my {O} is gone]!" [said|cried] {H}.
  {F} [came to help|wanted to help|heard {him}]. {F} looked {spot3}[, and there was the {O}!| and
    [found|saw] the {O}.]
  [{H} was [so|very] happy|{H} smiled|{H} jumped up and down] and hugged {F}.|{H} [took|held] the
    {O} and [smiled|laughed|was happy again].
  "Thank you, {F}!" said {H}.|"You found my {O}! Thank you!" said {H}. {end}|{end}
share 10
  {H} [had|got|was playing with] {aO}. {F} [saw|liked|looked at] the {O}.|{H} [played|sat down] with
    {his} {O} {P}. {F} came [too|along].
  "Can I [play with|hold|see|try] the {O}[|, please]?" asked {F}.|{F} wanted to play with the {O}
    too.|{F} asked {H} for the {O}.
  {H} [did not want to share|said no|shook {his} head]. {F} was [very sad|sad|sad and sat down|sad
    and went away].|"No, this is my {O}!" said {H}. {F} [started to cry|was sad|felt sad].
  Then {H} [thought|thought for a while|felt bad|felt sorry|looked at {F}]. [{he} did not want {F}
    to be sad.|It was [nice|better] to play together.|]
  "I am sorry, {F}. [We can share the {O}|You can have the {O} now|Let us play with the {O}
    together]," said {H}.|{he} gave the {O} to {F}. "You can play with the {O} now," said {H}.
  {F} [was happy|smiled|laughed]. {H} and {F} played with the {O} [all day|all afternoon|until
    dinner|together].
  ?{H} learned that [sharing is fun|it is good to share|sharing is nice].|?{end}
gift 8
  {H} had a [birthday|party]. {F} came with a [big|little|small] [box|present].|It was {Hs}
    birthday. {F} had a [present|surprise] for {H}.|{H} wanted {aO} for {his} birthday. {F} came
    with a big box.
  ?"[Happy birthday|This is for you|Open it], {H}!" said {F}.|?{H} [looked at|shook|held] the
    present. "What is it?" {he} asked.
  {H} opened [it|the present|the lid]. [Inside was|There was|{he} saw] {aO}!
  "I love the {O}! Thank you, {F}!" said {H}.|"[Wow|Oh|Look]! [What a nice {O}|This is the best {O}
    |I like the {O}]!" said {H}.
  {H} and {F} [played with|looked at] the {O} [all day|until bedtime|together]. Then they ate [some
    |the] {D}.|{H} played with the {O} and {F} [smiled|laughed|was happy].|{H} hugged {F}. Then they
    took the {O} to the {L}.
  It was the best [day|birthday|present].|At night, {H} put the {O} [near {his} bed|next to {him}]
    and went to sleep.|{end}
found 10
  There was {aO} {P}. {H} saw the {O}.|{H} [went|walked|ran] to the {L}. {he} saw {aO} {spot}.|{H}
    found {aO} {P}.|{H} saw something {P}. It was {aO}!|{H} was walking {P}. There {he} found {aO}.
  "[Whose {O} is this|Who lost this {O}|What is this]?" [asked|said] {H}.|{H} picked up the {O}.
    {he} [liked it|looked at it|wanted to keep it].
  Then {he} saw {F}. {F} was [sad|crying|very sad]. "I lost my {O}," said {F}.|{F} came and said,
    "[Oh|Look], that is my {O}! I lost it."
  "[Here is your {O}|I found your {O}|I have your {O}]," said {H}.|{H} gave the {O} [back|] to {F}.
  {F} was [so|very] happy. "Thank you, {H}! [You are very kind|You are a good friend|I missed my
    {O}]," said {F}.|{F} hugged the {O} and [smiled|laughed]. "Thank you, {H}!"
  {H} and {F} [became friends|became good friends|played with the {O} together|sat down {P} and
    talked].|{H} felt [good|happy|proud]. {end}
broken 6
  {H} had {aO}. {he} [liked|loved] the {O} very much.|{H} [was playing with|ran with|played with]
    {his} {O} {P}.
  [One day, t|T]he {O} fell [down|on the floor|on the ground] and broke.|Then {H} [fell|tripped] and
    the {O} broke.
  {H} was [very|so] sad. "My {O} is broken," [said|cried] {H}.|"Oh no! I broke my {O}!" [said|cried]
    {H}.
  {M} came [and saw the {O}|to help]. "[Do not cry|Do not worry|It is okay]. [I can|We can] fix the
    {O}," said {M}.
  {M} [used|got|took] some [glue|tape|paper|string] and fixed the {O}. [?{H} helped.]
  [Soon|After a while|Then] the {O} was [like new|as good as new|good again].
  "Thank you, {M}!" said {H}. {he} [was happy|hugged {M}|smiled]. {end}|{H} was happy and played
    with the {O} again.
stuck 7
  {H} was playing with {aO} {P}.|{H} had {aO}. {he} took the {O} to the {L}.|{H} [threw|kicked] {aO}
    high up in the air.
  [Then t|T]he [wind took the {O}|{O} flew up] and it got stuck in a [big|tall] tree.|Then the {O}
    went up into a [big|tall] tree.
  "[Oh no, my {O}|My {O} is in the tree|How can I get my {O}]!" said {H}. {he} [jumped|tried to
    jump] but {he} [was too small|could not reach it].|{H} [tried to climb|wanted to climb] the
    tree, but it was too [tall|high].
  {F} saw {H} and [came to help|ran to the tree]. "[I can help you|I will get the {O}|Let me try],"
    said {F}.
  {F} [climbed up|got a long stick|shook the tree|used a ladder] and [got the {O}|the {O} fell down
    |the {O} came down].
  {H} [was so happy|clapped|laughed]. "[You got my {O}! |]Thank you, {F}!" said {H}.|"Here is your
    {O}, {H}," said {F}. {H} [smiled|was very happy].
  They played with the {O} [but not near the tree|together|all day].|{end}
shop 6
  {H} [saw|found] {aO} in the [shop|store]. {he} wanted [it very much|to have it].|{H} wanted [|to
    have|to buy] {aO}.|{H} went to the [shop|store] with {M}. {he} saw {aO}.
  "Can [I have|we buy] the {O}?" asked {H}.|"I want the {O}," said {H}.|"[Look at the {O}|I like the
    {O}]!" said {H}.
  "[First you must help|You have to help me first|If you help me, you can have the {O}]," said {M}.
    |"The {O} costs a lot of money," said {M}. "[You can help me and save|You must save your
    money]."
  {H} helped {M} [clean the house|in the garden|wash the car|make dinner|wash the cups] [every day
    |all day|all week].
  [Then|After that|One day,] {H} and {M} went to the [shop|store] and [bought|got] the {O}.
  {H} [was very happy|was so proud|smiled]. "[I love my {O}|Thank you, {M}|This is my {O}]!" said
    {H}.|{H} took the {O} home and showed it to {F}. {F} [liked|loved] the {O} too.
  ?{end}
rain 5
  {H} [was playing|played|wanted to play] {P} with {his} {O}.|{H} took {his} {O} and went [outside
    |to the {L}].
  Then it [started|began] to rain. "[Oh no, I am wet|My {O} will get wet|The {O} is getting wet]!"
    said {H}.|[Suddenly|Then] [dark clouds came|there was a loud noise in the sky] and it started to
    rain.
  {H} [ran|went] [home|into the house|under a tree] with the {O}.
  {M} gave {him} [some|warm] [milk|soup|tea]. "[You can play inside with the {O}|The rain will stop
    soon]," said {M}.|{H} played inside with the {O} and {F} came too.
  [Then|After a while|Soon] the rain stopped and [the sun came out|there was a [rainbow|big rainbow]
    in the sky].
  {H} [ran|went] outside [again|] with the {O}. {he} [jumped in|ran into] a [big puddle|puddle] and
    laughed.|"Look, a rainbow!" said {H}. {he} was [so|very] happy.
  ?{end}
lostpet 9
  {H} [saw|found|met|heard] a [little|small] {A} {P}. The {A} was {need}.|{H} was {P}. There {he}
    saw a [little|small] {A}. The {A} was {need}.|There was a [little|small] {A} {P}. {H} saw that
    the {A} was {need}.
  "[What is wrong|Why are you sad|Are you okay], little {A}?" asked {H}. "I am {need}," said the
    {A}.|{H} wanted to help the {A}.|"Do not be sad, little {A}. I will help you," said {H}.
  {helped}
  ?{F} came and helped {H} [too|take care of the {A}].
  [Soon|Then|After that] the {A} was [happy|fine|strong] again.|Then they found the mom of the {A}
    {spot}. [The mom was so happy to see the {A}.|]
  "Thank you, {H}," said the {A}.|{H} and the {A} [became friends|played {P}].|The {A} [stayed with
    {H}|lived with {H} now] and they were [best|good] friends.
  ?{end}
night 6
  {H} could not sleep. {he} heard a [loud|strange|little] noise.|{H} was [afraid of the dark|in
    bed]. There was a noise {spot}.|{H} was [scared|afraid] [at night|of the noise {spot}].
  "[What is that|Who is there|What was that noise]?" [asked|said] {H}. {he} [called|ran to] {M}.
    |"{M}, I am [scared|afraid]!" [said|cried] {H}.
  {M} came and [looked {spot2}|turned on the light|opened the door]. It was [only|just] a {A}!
  ?"The {A} [is not scary|was looking for food|wants to sleep too]," said {M}.
  {H} [laughed|smiled|was not scared now]. {he} gave the {A} [some|] [milk|bread|water].|{M} gave
    {H} {aO}. "[The {O} will help you sleep|Hold the {O} and close your eyes]," said {M}.
  {H} [hugged {M}|closed {his} eyes|was not afraid] and [went to sleep|fell asleep|slept all night].
cooking 5
  {H} wanted to [make|bake] {aD} for {F}.|{H} and {M} were in the kitchen. They wanted to [make
    |bake] {aD}.|{H} was hungry. {he} wanted to make {aD}.
  "[Help me, please|I will help you|We need some milk]," said [{H}|{M}].
  {M} [got|took] [the milk|the eggs|some flour] and {H} [got|took] [the sugar|a big bowl|a spoon].
  ?[They [mixed|put] it all in a big bowl.|It was hard work, but it was fun.|{H} got flour on {his}
    nose.]
  [Soon|After a while|Then] the {D} was [ready|hot and ready|done]. It [smelled|looked] good.
  {F} came and ate the {D}. "[This {D} is so good|I love this {D}|Yum]!" said {F}.|{H} gave the {D}
    to {F}. "Thank you, {H}," said {F}.
  {H} was [happy|proud]. They [all|] ate the {D} together.|{H} [smiled|laughed]. {end}
newfriend 7
  {H} [was alone|had no friends|wanted a friend|felt alone].|{H} saw a new [{fchild}|{fchild}|child]
    {P}.|{H} was {P} with {his} {O}. {he} wanted a friend.
  [Then {he} saw {F}.|There was {F}.|{F} [was sitting|sat|stood] {P} too.] {F} was [shy|alone|sad].
  "[Hello|Hi], my name is {H}. [What is your name|Who are you]?" [asked|said] {H}. "[I am|My name
    is] {F}," said {F}.|"[Hello|Hi], {F}," said {H}.
  "[Do you want to play with my {O}|Do you like my {O}|Can we play with the {O}]?" asked {H}.|"I
    have {aO}. Do you want to play?" asked {H}.
  "Yes[, I like your {O}|, I like to play]!" said {F}.|{F} [smiled|nodded]. "[I like the {O}|Yes,
    please]," said {F}.
  {H} and {F} played with the {O} [all day|{P}|until dinner].
  Now {H} had a [new|good|best] friend.|{H} and {F} [became|were] [best|good] friends.|{end}
learn 8
  {H} wanted to [{skill}].|{H} wanted to learn to {skill}.|{H} could not {skill}.|{H} tried to
    {skill}.
  [But {he} [fell down|was scared|was too small]|But it was [hard|too hard|very hard]]. {H} was sad.
    |"I can not {skill}," said {H}. {he} [was sad|wanted to cry|sat down].
  "[Try again|Do not give up|You can do it|I will help you], {H}," said {F}.|{F} [saw {H}|came]. "[I
    can show you|Let us try together|You can do it]," said {F}.
  {H} tried [again|again and again|every day|one more time]. {F} helped {him}.
  [Then|At last|One day,|Soon] {H} could {skill}! "[I can {skill}|I did it|Look, {F}, I can
    {skill}]!" [said|shouted] {H}.
  {F} [clapped|cheered|was happy too|smiled]. [{H} was so proud.|]
  ?{H} learned [not to give up|that it is good to try again].|?{end}
donttouch 6
  {H} saw {aO} on the table. "Do not touch the {O}," said {M}.|{H} wanted to play with {aO}. "Do not
    [touch|take] the {O}," said {M}.
  But {H} did not listen. {he} [took|touched|grabbed] the {O}.|When {M} was not looking, {H} took
    the {O}.
  The {O} fell [down|on the floor] [and broke|with a loud noise].|{H} [ran|fell] and the {O} got
    [wet|dirty|lost].
  {M} [came|heard it and came]. "What happened to the {O}?" asked {M}.
  {H} [started to cry|felt bad|was sorry]. "I am sorry, {M}. [I took the {O}|I did not listen|I
    dropped the {O}]," said {H}.
  "[It is okay|Thank you for telling me|I am not angry]," said {M} and hugged {H}. They [fixed
    |cleaned|looked for] the {O} together.
  {H} learned to [listen|listen to {M}|tell the truth].|?{end}
hide 4
  {H} and {F} played hide and seek {P}.|{H} wanted to play hide and seek with {F}.
  {H} [closed {his} eyes and counted to ten|counted to ten]. {F} [hid|ran and hid] {spot}.
  {H} looked {spot2}. {F} was not there. {H} looked {spot3}. [No {F}!|{he} found only {aO}.|There
    was only a {A}.]
  Then {H} heard a [laugh|little noise] {spot}. "I found you, {F}!" [said|shouted] {H}.
  {F} laughed. "Now [it is my turn|you hide], {H}," said {F}.
  They played [all day|until dinner|again and again]. {end}|{end}
pet 9
  {H} and {his} {A} [went to the {L}|were {P}|played {P}|walked to the {L}|ran to the {L}].|{H} had
    a [|little|big|small] {A}. {he} loved the {A}.|{H} [took|walked with] {his} {A} to the {L}.
  ?The {A} [liked|loved] to [run|jump|play] {P}.|?{H} gave the {A} [some|] [bread|milk|water].
  Then the {A} [saw|found|took] {aO} and ran away[| with it].|Then the {A} saw {aO} and ran after
    it.|{H} threw {aO} and the {A} ran after the {O}.
  "[Come back|Stop|Wait], {A}!" [shouted|called|cried] {H}. {he} ran after the {A}.|{H} could not
    see the {A}. "Where are you, {A}?" [called|asked] {H}.
  {H} [found|saw] the {A} {spot}. The {A} had the {O}[| in its mouth].|The {A} was {spot}. It was
    playing with the {O}.
  {H} [laughed|smiled] and hugged the {A}. "[Good|Silly] {A}," said {H}.|"[Give me the {O}|Good job
    |Thank you], {A}!" said {H}.
  {H} and the {A} [went home|went home together|played with the {O} until dinner|were happy].|?{end}
plant 4
  {H} [had|found|got] a [small|little] seed. {he} put the seed in the ground.|{H} wanted to plant a
    [flower|tree] {P}. {he} had a seed.
  {H} gave the seed water every [day|morning]. "[Please grow|Grow, little seed|You will be big],"
    said {H}.
  ?But nothing [happened|came]. {H} was sad. "You have to wait," said {M}.
  Then [one day|one morning] there was a [little|small] green leaf. It grew and grew.
  [Soon|After a while] there was a [big|tall|beautiful] {c} flower.|Soon it was a [big|tall] tree
    with {c} flowers.
  "Look, {F}, [I made this|it is so big]!" said {H}. {F} [liked|loved] it.|{H} showed it to {F}. "It
    is so [pretty|beautiful]," said {F}.
  {H} was [proud|very happy]. {end}
tree 6
  There was a [big|tall|old] tree {P}. {H} [saw|liked|loved|sat under|stood near] the [big |]tree.
    |{H} saw a [big|tall|old] tree {P}.|{H} [liked|loved] to sit under the [big|old] tree {P}.|{H}
    and {F} sat under a [big|tall] tree.
  A [little|small] {A} lived in the tree. "[Hello|Hi]," said the {A}.|In the tree there was {aO}.
    "Who put the {O} there?" asked {H}.
  {H} [climbed|wanted to climb] the tree. It was [hard|high], but {F} helped {him}.
  From the top, {he} could see the {L} and [the sky|the river|a little house]. "[I can see so far|It
    is so nice up here]," said {H}.
  Then they [sat under the tree|climbed down] and ate [some|the] {D}.|Then the wind [blew|came] and
    {H} [held on|climbed down]. {F} was happy to see {him}.
  They laughed and went home. {end}|{H} and {F} came back to the tree every day.
wish 5
  {H} [looked at|saw] a [star|bright star] in the sky. {he} made a wish.|{H} found a magic {on} {P}.
    "You can make one wish," said the {on}.
  "I wish for {aO}," said {H}.|"I want {aO}," [thought|said] {H}.
  The next [day|morning], there was {aO} [{spot}|next to {his} bed].|[Suddenly|Then] there was a
    [bright|big] light. {H} saw {aO}!
  "My wish came true! I have {aO}!" said {H}.|{H} could not believe it. {he} took the {O}.
  {he} [ran to|showed the {O} to|called] {F}. "Look at my {O}, {F}!" said {H}.|But {F} was sad. {F}
    had no [toy|toys]. {H} gave the {O} to {F}.
  {H} and {F} played with the {O} [together|all day|until bedtime]. {end}
cleanup 4
  {H} had a messy room. "Please clean your room," said {M}.|{H} did not want to clean up. {he}
    wanted to play with {his} {O}.
  "Where is your {O}?" asked {M}. {H} [did not know|could not find the {O}].
  {H} started to clean. {he} put the [toys|books] in the [big|] box[| and the books on the bed].
  [Then|At last] {he} looked {spot}. There was the {O}!
  "I found my {O}!" [shouted|said] {H}. "[Good job|I am so proud of you], {H}," said {M}.
  Now the room was clean and {H} [played with the {O}|was happy].|{end}
race 4
  {H} and {F} wanted to race {P}. "I am [fast|very fast]!" said {F}.|{H} wanted to race with {F}
    {P}.
  {F} had {aO}. "The {O} is for the one who wins," said {F}.|"Ready, set, go!" [said|shouted] {M}.
    They ran and ran.
  {F} was [very fast|in front]. But then {F} fell down and [hurt {fhis} leg|could not get up].
  {H} [stopped|came back]. "Are you okay, {F}?" asked {H}. {he} helped {F}.
  "Thank you, {H}. You [are a good friend|are so kind|are the winner]," said {F}.
  {F} gave the {O} to {H}. They [walked|went] home together.|They [walked|went] [home|to the {L}]
    together. {end}
walk 5
  {H} went for a walk [{P}|with {F}|with {his} {m}].|{H} wanted to [go to the {L}|see the {L}|go
    outside|go on a trip].|{H} [went|walked|ran] [outside|to the {L}|down the road].
  {he} saw a [little|big|funny] {A}. The {A} had {aO}.|There {he} met a {A} with {aO}.
  "[Hello|Hi], {A}. [I like your {O}|What a nice {O}]," said {H}.
  "[You can have the {O}|We can play with the {O}|Take the {O}]," said the {A}.
  {H} was [surprised|happy]. "Thank you, {A}!" [said|laughed] {H}.
  {H} and the {A} played with the {O} [{P}|all day|until it was dark].
  Then {H} went home and told {M} about the {A}.|?{end}
''')

SPOTS = ['under the bed', 'behind the door', 'under the table', 'behind a tree', 'in the grass',
         'behind the house', 'under a chair', 'near the fence', 'in a bush', 'behind a rock']
NEEDS = {
    'hungry': '{H} gave the {A} [some|] [milk|bread|water|soup].|{H} [ran home'
              '|went home] and got [some|] [bread|milk] for the {A}.',
    'cold': '{H} gave the {A} a warm blanket.|{H} [took the {A} home|held the {A} to keep it '
            'warm].',
    'sad': '{H} [sang a song|sang] for the {A}.|{H} gave the {A} {aO} to play with. The {A} liked '
           'the {O}.',
    'lost': '{H} [looked for|helped the {A} to find] its [home|mom].|{H} took the {A} home and '
            'gave it [milk|bread].',
    'hurt': '{H} [cleaned its leg|put a bandage on its leg]. The {A} [felt better|was brave].',
}
ENDS = ('They were [very|so|all] happy.|{H} was [very|so] happy.|It was a [good|great|fun'
        '|happy] day.|{H} and {F} [went home|laughed|smiled|were best friends].'
        '|{H} smiled all day.|They laughed and played together.')
FOODS = {'cake': 'a', 'pie': 'a', 'bread': 'some', 'soup': 'some'}
SKILLS = ['ride a bike', 'swim', 'fly a kite', 'read', 'sing a song', 'climb the tree', 'dance',
          'jump high', 'draw {aon}', 'catch the ball', 'skate', 'whistle']
