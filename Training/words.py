"""The words of the stories. A common word is one token; a rare word is several.

Rare words teach the model to copy unknown words from a prompt. The loss leaves out their first
mention, so the model learns to repeat them but not to introduce them."""

GIRLS = 'Lily Mia Anna Lucy Emma Sara Amy Sue Ella Jane'.split()
BOYS = 'Tom Ben Tim Max Sam Jack Leo Bob Dan Finn'.split()
COLOURS = 'red blue green yellow white black pink purple brown orange'.split()
ADJECTIVES = 'big little small old new shiny soft'.split()
OBJECTS = ('ball doll kite book hat box cup car boat truck train drum bell key flower shell stone '
           'balloon bike blanket pencil coat shoe ring basket bag toy').split()
ANIMALS = 'dog cat bird rabbit bear fox frog duck mouse horse pig cow'.split()
NUMBERS = 'zero one two three four five six seven eight nine ten'.split()
COUNTED = 'ball car hat cup book shell stone flower kite apple'.split()  # with a plural in s
RARE_COUNTED = ('marble coin button block egg crayon pebble banana pencil sticker cookie car '
                'toy').split()
PLACES = {'park': 'in', 'garden': 'in', 'forest': 'in', 'yard': 'in', 'beach': 'at', 'farm': 'at',
          'river': 'by', 'lake': 'by', 'hill': 'on', 'field': 'in', 'house': 'in', 'zoo': 'at'}

RARE_GIRLS = '''Zoe Ruby Grace Alice Clara Nora Ivy Rose Eva Maya Nina Olivia Sophia Sophie Chloe
Hannah Julia Laura Molly Daisy Rosie Poppy Holly Kate Kim Lisa Mary Maria Martha Megan Nancy Paula
Rachel Rita Sally Sandy Stella Tina Vera Wendy Yara Zara Ada Agnes Bella Betty Carla Cindy Dora
Elena Elsa Emily Fiona Freya Gina Greta Heidi Helen Ida Iris Isabel Jenny Jessica Jill Judy June
Kayla Leah Lena Linda Lola Lottie Luna Mabel Maggie Matilda Nelly Penny Polly Priya Aisha Fatima
Yuki Mei Sofia Tara Tessa Thea Violet Willow Abby Ava Amelia Charlotte Evelyn Harper Layla
Aria'''.split()
RARE_BOYS = '''Noah Oliver Peter John Paul Mark Luke Adam Alex Andy Arthur Billy Carlos Charlie
Chris Daniel David Eddie Eric Ethan Frank Fred George Harry Henry Hugo Ian Isaac Ivan Jacob James
Jason Jim Joe Joey Jon Josh Kai Karl Kevin Kyle Larry Liam Logan Louis Lucas Mason Matt Michael
Mike Mohamed Nathan Nick Omar Oscar Otto Owen Patrick Pedro Pip Ravi Ray Rex Robin Roger Ron Ryan
Scott Sean Simon Spot Steve Teddy Theo Timmy Toby Tommy Tony Victor Walter Will William Yusuf Zack
Ali Amir Jake Aidan Felix Gus Harvey Jasper'''.split()
RARE_ADJECTIVES = '''gray golden silver violet tiny huge wooden heavy round pretty beautiful strange
magic broken dirty clean warm fluffy sparkly striped dark bright paper metal glass lovely fancy long
tall wet dusty smooth special'''.split()
RARE_OBJECTS = '''umbrella lamp clock candle hammer ladder violin guitar piano trumpet whistle
rocket robot helicopter airplane plane scooter wagon sled skateboard camera phone radio computer map
compass telescope mirror picture painting letter card ticket coin necklace crown shield mask
cape scarf glove mitten sweater jacket dress shirt skirt button ribbon bow pillow chair table stool
desk bucket shovel broom brush comb bottle jar plate bowl fork kettle pot pan teapot sandwich
banana pear lemon peach grape strawberry carrot potato pumpkin tomato onion cupcake donut candy
lollipop pancake muffin pizza cheese egg feather acorn pebble crystal diamond pearl seed branch
puppet dinosaur puzzle block marble top rope net tent flag magnet lantern toothbrush towel soap
sponge sticker crayon marker notebook magazine backpack suitcase wallet purse hook wheel engine
snowball snowman sandcastle apple cookie cake watch fan pen stick'''.split()
RARE_ANIMALS = '''elephant lion tiger monkey turtle squirrel hedgehog owl penguin giraffe zebra
kangaroo koala panda wolf deer goat sheep lamb hen rooster goose swan parrot crow eagle bee
butterfly ladybug ant spider snail worm crab whale dolphin shark seal octopus dragon unicorn hamster
kitten puppy pony donkey camel snake lizard crocodile hippo beaver badger otter raccoon mole bat
fish chicken'''.split()
RARE_ROLES = {  # repeated words are more frequent
    'she': '''queen queen princess princess teacher fairy witch woman woman woman grandma lady nurse
              mermaid girl'''.split(),
    'he': '''king king prince farmer wizard giant pirate sailor baker knight man man man clown
             gardener grandpa fireman boy'''.split(),
    'it': '''robot monster ghost'''.split()}
RARE_PLACES = {'castle': 'in', 'museum': 'in', 'library': 'in', 'playground': 'in', 'market': 'at',
               'bakery': 'in', 'village': 'in', 'city': 'in', 'mountain': 'on', 'cave': 'in',
               'island': 'on', 'meadow': 'in', 'valley': 'in', 'barn': 'in', 'attic': 'in',
               'harbor': 'at', 'station': 'at', 'airport': 'at', 'hospital': 'in', 'circus': 'at',
               'bridge': 'on', 'tower': 'in', 'desert': 'in', 'jungle': 'in', 'pond': 'by',
               'stream': 'by', 'shore': 'on', 'classroom': 'in', 'bedroom': 'in', 'ocean': 'by',
               'supermarket': 'in', 'restaurant': 'in', 'swamp': 'in', 'cottage': 'in'}
