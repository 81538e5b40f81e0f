"""The questions as people word them.

A template may hold alternatives, `(a|b|)`, nested as deep as needed, macros such as `[I]`, and slots
such as `{x}`. `TRAINING` is what the model learns from; `HELD_OUT` is only ever asked by the evaluation.
"""

from __future__ import annotations

import random
import re

MACROS = {
    "I": "(image|picture|image|picture|drawing|pic|photo)",
    "this": "(this|the|this|the|my|that)",
    "C": "(colour|color)",
    "S": "(shape|shape|object|thing|figure)",
    "Ss": "(shapes|shapes|objects|things|figures)",
    "T": "(text|text|writing|word|letters|lettering)",
    "V": "(video|video|clip|movie|animation|footage)",
    "tell": "(tell me|say|can you tell me|could you tell me|please tell me|do you know|name)",
    "can": "(can you|could you|would you|please|will you please)",
    "see": "(see|can see|are seeing)",
    "here": "(| here| (in|on) [this] [I]| in it| shown| visible| in there)",
    "draw": "(a box around|the box of|the bounding box of|the bounding box for|a box for|the position of|"
    "the coordinates of|the region of|a bounding box around)",
}

TRAINING: dict[str, tuple[str, ...]] = {
    # One picture ---------------------------------------------------------------------------
    "describe": (
        "describe [this] [I]( in detail| briefly| for me| in one sentence| in a few words|)",
        "what (is|'s) in [this] [I]",
        "what (does|do) [this] [I] (show|contain|depict)",
        "what (do|can) you see( in [this] [I]| here| there|)",
        "what (is|'s) this",
        "what (is|'s) (shown|visible|drawn|depicted|displayed)[here]",
        "[can] describe (it|this|what you see|what is in [this] [I]|[this] [I])( in detail|)",
        "[tell] what (you see|is in [this] [I]|[this] [I] shows|is here)",
        "(caption|explain|summarise|summarize) [this] [I]",
        "give me (a|a short|a brief|a detailed) (description|caption|summary)( of [this] [I]|)",
        "what am I looking at",
        "(list|name) (everything|all|what is) (in [this] [I]|you see|here)",
        "tell me about [this] [I]",
        "write (a caption|a description|a short description) (for|of) [this] [I]",
        "look at [this] [I]. what (is it|do you see|is there|can you see)",
        "what have we (here|got here)",
        "what is there( in [this] [I]|)",
        "which [Ss] (are there|do you see|can you see|are in [this] [I])",
        "(describe|explain) (this|it)",
        "I want a description( of [this] [I]|)",
        "what (is|'s) on [this] [I]",
        "(picture|image) description",
    ),
    "colour": (
        "what [C] is the {x}",
        "what (is|'s) the [C] of the {x}",
        "which [C] (is|does) the {x}( have|)",
        "which [C] has the {x}",
        "what [C] does the {x} have",
        "[tell] (the [C] of the {x}|what [C] the {x} is|which [C] the {x} has)",
        "the {x} (is|has) (which|what) [C]",
        "the [C] of the {x}",
        "{x} [C]",
        "what (is|would be) the {x}'s [C]",
        "in (which|what) [C] is the {x}( drawn| painted|)",
        "(name|give|give me|identify) the [C] of the {x}",
        "what [C] (is|was|has) the {x} (painted|drawn|filled|been given)",
        "how is the {x} colo(u|)red",
        "(do you see|look at|check) the {x}(. | and )what [C] is it",
        "I need the [C] of the {x}",
        "what [C] would you say the {x} is",
    ),
    "colour_single": (
        "what [C] is (it|this|that|the [S]|this [S]|that [S])",
        "what (is|'s) (the|its) [C]( of the [S]| of this [S]|)",
        "which [C] (is it|is this|does it have|is the [S])",
        "[tell] (the [C]|its [C]|what [C] it is)",
        "what [C] does (it|the [S]|this [S]) have",
        "its [C]",
        "name the [C]( of the [S]|)",
        "(give|give me|identify) its [C]",
        "(which|what) [C] do you see",
        "what [C] (has|is) the [S] (in [this] [I]|here)",
        "(and |)the [C]",
        "how is it colo(u|)red",
    ),
    "shape": (
        "(what|which) [S] is {c}",
        "what (is|'s) the {c} [S]",
        "what [S] is the {c} (one|thing|object)",
        "what kind of [S] is the {c} (one|thing|object|[S])",
        "what is {c}[here]",
        "(what|which) (shape|form) does the {c} (one|thing|object|figure) have",
        "[tell] what the {c} [S] is",
        "(name|identify) the {c} [S]",
        "the {c} [S] is what",
        "which of the [Ss] is {c}",
        "what [S] has the [C] {c}",
        "what (is|'s) the (shape|form) of the {c} (one|thing|object|figure)",
        "what (is|'s) the [S] (in|that is) {c}",
        "is the {c} [S] a circle, a square or something else",
        "what (sort|type) of [S] is {c}",
    ),
    "shape_single": (
        "(what|which) (shape|form|figure) is (this|it|that|shown|in [this] [I])",
        "what (shape|form) (is|does) (the object|this thing|it)( have|)",
        "what kind of [S] is (this|it|in [this] [I]|shown)",
        "[tell] (what [S] this is|the [S]|what [S] it is)",
        "name (the|this) [S]",
        "(what|which) [S] (do|can) you see",
        "what (is|'s) (the|its) (shape|form)",
        "identify (the|this) [S]",
        "what (sort|type) of [S] is (this|it)",
        "(which|what) [S] (is|do you see) here",
        "what [S] have I drawn",
        "what did I draw",
    ),
    "count": (
        "how many [Ss] are (there|in [this] [I]|here|shown|visible)",
        "how many [Ss] (do|can) you see( in [this] [I]|)",
        "count the [Ss]( in [this] [I]|)",
        "[can] count (the [Ss]|them|all [Ss])",
        "how many [Ss]( are there|)[here]",
        "what (is|'s) the (number|total number|total) of [Ss]",
        "[tell] (how many [Ss] there are|the number of [Ss])",
        "(number|count) of [Ss]",
        "how many [Ss] does [this] [I] (have|contain|show)",
        "how many (are there|do you see)",
        "give me the (number|count) of [Ss]",
        "how many [Ss] (in total|altogether)",
        "how many different [Ss] are there",
        "how many [Ss] have I drawn",
    ),
    "count_by": (
        "how many {xs} are (there|in [this] [I]|here|shown|visible)",
        "how many {xs} (do|can) you see( in [this] [I]|)",
        "count the {xs}( in [this] [I]|)",
        "[can] count (the|all|all the) {xs}",
        "how many {xs}",
        "what (is|'s) the (number|total number) of {xs}",
        "[tell] (how many {xs} there are|the number of {xs})",
        "(number|count) of {xs}",
        "how many {xs} does [this] [I] (have|contain|show)",
        "how many of (the [Ss]|them) are {xs}",
        "give me the (number|count) of {xs}",
        "how many {xs} (in total|altogether|have I drawn)",
        "are there (any |){xs}, and how many",
    ),
    "where": (
        "where is the {x}",
        "where (in|on) [this] [I] is the {x}",
        "where (do|can) you (see|find) the {x}",
        "where can I (see|find) the {x}",
        "what (is|'s) the (position|place|location) of the {x}",
        "[tell] where the {x} is( in [this] [I]|)",
        "in (which|what) (part|corner|area|place) (of [this] [I] |)is the {x}",
        "which (side|part|corner) is the {x} (on|in|at)",
        "where (is|'s) the {x} (placed|located|positioned)",
        "whereabouts is the {x}",
        "the {x} is where",
        "(say|explain|describe) where the {x} is",
        "is the {x} at the top, in the centre or at the bottom",
        "is the {x} (left or right|on the left or on the right|at the top or at the bottom)",
        "where should I look for the {x}",
    ),
    "exists": (
        "is there (a|an|any) {x}[here]",
        "(do|can) you see (a|an|any) {x}[here]",
        "does [this] [I] (have|contain|show) (a|an|any) {x}",
        "(are|is) there any {x}",
        "[tell] (if|whether) there is (a|an) {x}",
        "can (a|an) {x} be seen[here]",
        "is (a|an) {x} in [this] [I]",
        "(a|an|any) {x}[here]",
        "did I draw (a|an) {x}",
        "have you (seen|found) (a|an) {x}",
        "is (a|an) {x} (visible|shown|present)[here]",
        "there is (a|an) {x}, right",
    ),
    "is_colour": (
        "is the {x} {c}",
        "is the {x} really {c}",
        "is the [C] of the {x} {c}",
        "does the {x} have the [C] {c}",
        "the {x} is {c}, (right|isn't it|is it not|correct|yes or no)",
        "is it (true|correct|right) that the {x} is {c}",
        "would you say (that |)the {x} is {c}",
        "[tell] (if|whether) the {x} is {c}",
        "is the {x} {c} or not",
        "is {c} the [C] of the {x}",
        "(do|does) the {x} look {c}",
        "yes or no: is the {x} {c}",
    ),
    "locate": (
        "locate the {x}( in [this] [I]|)",
        "find the {x}( in [this] [I]|)",
        "(give|give me|show|show me|return|output|detect) [draw] the {x}",
        "(draw|put|place|make) (a box|a bounding box) (around|on|over) the {x}",
        "where is the {x}? (give|draw|return|show) (a box|the box|a bounding box|me the box|its box)",
        "detect the {x}",
        "(mark|highlight|outline|ground|box) the {x}",
        "[can] (locate|find|detect|mark) the {x}",
        "what (is|'s|are) [draw] the {x}",
        "(bounding box|box|coordinates) of the {x}",
        "show me where the {x} is with a box",
        "(box|bounding box) for the {x}",
        "I need [draw] the {x}",
        "[can] (give|draw|show) me [draw] the {x}",
    ),
    "locate_all": (
        "(locate|find|detect|mark|box|outline) (all|all the|every one of the|the) [Ss]",
        "(draw|put|give|give me) (a box|boxes|bounding boxes) (around|for|of) (all|all the|every one of the) [Ss]",
        "(detect|locate|find|mark) (everything|every [S]|all of them)( in [this] [I]|)",
        "where are (all |)the [Ss]? (give|draw|return) boxes",
        "(give|give me|show|return|output) (all|the) (boxes|bounding boxes)",
        "[can] (locate|detect|find|mark) (all|all the) [Ss]",
        "object detection",
        "boxes of all [Ss]",
        "bounding boxes( of (all|the) [Ss]|)",
        "box every [S]( in [this] [I]|)",
        "(give|give me|I need) the coordinates of (all|all the|every) [Ss]",
    ),
    "point": (
        "point (to|at) the {x}",
        "(give|give me|show|return|mark) (a point on|the point of|the centre point of|the center of|the centre of|"
        "a point for) the {x}",
        "[can] point (to|at) the {x}",
        "(put|place|draw|set) a (point|dot|mark) (on|at) the {x}",
        "where is the {x}? (point|point to it|give a point|answer with a point)",
        "(click|tap) (on |)the {x}",
        "what (is|'s) the (centre|center|middle) of the {x}",
        "where should I (click|tap)( for| to select) the {x}",
        "the (point|centre|center) of the {x}",
        "point out the {x}",
        "show me the {x} with a point",
    ),
    "read": (
        "what does (the [T]|it|this|[this] [I]|the {c} [T]) say",
        "(read|transcribe) (the [T]|this|it|the {c} [T]|[this] [I]|what is written)( to me| aloud| for me|)",
        "what (is|'s) (written|printed|the text|the word)[here]",
        "what (text|word|letters|characters) (is|are|do you see|can you see)( there|)[here]",
        "[can] read (the [T]|this|it|what it says)",
        "[tell] what (the [T] says|it says|is written|the text is)",
        "which (letters|characters|letters and digits) (are in [this] [I]|do you see|are shown)",
        "(ocr|text recognition)",
        "(extract|recognise|recognize|spell|give me|output) the [T]( in [this] [I]|)",
        "what (do|can) you read( here| in [this] [I]|)",
        "what (is|does) the [T]( read|)",
        "spell (it|the word) out",
        "what have I written",
    ),
    "background": (
        "what [C] is the background",
        "what (is|'s) the (background [C]|[C] of the background)",
        "which [C] (is|has) the background",
        "[tell] the [C] of the background",
        "describe the background",
        "(background [C]|the background)",
        "what (is|'s) the background( like|)",
        "name the background [C]",
        "on (what|which) [C] (is it|are they) drawn",
        "what [C] (is|'s) behind (it|them|the [Ss])",
        "how is the background colo(u|)red",
    ),
    # Several pictures ----------------------------------------------------------------------
    "pick_describe": (
        "what is in {pic}",
        "what (does|do) {pic} (show|contain|depict)",
        "describe {pic}( in detail| briefly|)",
        "what (do|can) you see in {pic}",
        "[tell] what (is in {pic}|{pic} shows|you see in {pic})",
        "what (is|'s) (shown|drawn|visible) in {pic}",
        "[can] describe {pic}",
        "tell me about {pic}",
        "look at {pic}. what (is it|do you see|is there)",
        "and {pic}",
        "what about {pic}",
        "{pic}: what is it",
        "what (is|'s) on {pic}",
        "(explain|caption|summarise|summarize) {pic}",
    ),
    "pick_colour": (
        "what [C] is the [S] in {pic}",
        "what (is|'s) the [C] of the [S] in {pic}",
        "which [C] (is|has) the [S] in {pic}",
        "[tell] the [C] of the [S] in {pic}",
        "in {pic}, what [C] is the [S]",
        "what [C] do you see in {pic}",
        "{pic}: (which|what) [C]",
        "name the [C] of the [S] in {pic}",
        "what [C] is {pic}",
        "what [C] does the [S] in {pic} have",
        "look at {pic}. what [C] is the [S]",
    ),
    "pick_shape": (
        "(what|which) (shape|form|figure) is in {pic}",
        "what kind of [S] is in {pic}",
        "what [S] does {pic} (show|have|contain)",
        "[tell] (what|which) (shape|figure) is in {pic}",
        "in {pic}, (what|which) (shape|figure) (is it|do you see)",
        "name the shape in {pic}",
        "{pic}: (which|what) shape",
        "which shape (do|can) you see in {pic}",
        "identify the shape in {pic}",
        "look at {pic}. (what|which) shape is it",
    ),
    "pick_count": (
        "how many [Ss] are in {pic}",
        "how many [Ss] (do|can) you see in {pic}",
        "how many [Ss] does {pic} (have|show|contain)",
        "count the [Ss] in {pic}",
        "in {pic}, how many [Ss] are there",
        "{pic}: how many [Ss]",
        "the number of [Ss] in {pic}",
        "[tell] how many [Ss] are in {pic}",
        "how many [Ss] are there in {pic}",
        "look at {pic}. how many [Ss] are there",
    ),
    "pick_read": (
        "what does (the [T] in |){pic} say",
        "read (the [T] in |){pic}",
        "what (is|'s) written in {pic}",
        "(which|what) (text|letters|word) (is|are) in {pic}",
        "in {pic}, what does the [T] say",
        "[tell] what {pic} says",
        "transcribe (the [T] in |){pic}",
        "what do you read in {pic}",
        "{pic}: what does it say",
        "[can] read {pic}",
    ),
    "which_picture": (
        "(which|what) [I] (has|shows|contains|is) (the|a) {x}",
        "(in |)(which|what) [I] (is|do you see|can you see) (the|a) {x}( in|)",
        "(which|what) (one|of the pictures|of the images|of them) (has|shows|contains) (the|a) {x}",
        "where is the {x}, in which [I]",
        "[tell] which [I] (has|shows|contains) the {x}",
        "find the [I] (with|of) the {x}",
        "the {x} is in which [I]",
        "(which|what) is the [I] (with|of) the {x}",
        "which [I] number (has|shows) the {x}",
        "(say|give|give me) the number of the [I] (with|that has|that shows) the {x}",
        "in which (of the pictures|of the images|one) is the {x}",
        "I am looking for the {x}. which [I] is it( in|)",
        "(pick|choose|select) the [I] (with|that has) the {x}",
    ),
    "describe_all": (
        "describe (the|these|all|all the|both|my|each of the|all of the) (images|pictures|drawings|photos)",
        "what (is|'s) in (the|these|all|all the|both|each of the) (images|pictures|drawings|photos)",
        "what do (the|these|all|both) (images|pictures|drawings|photos) show",
        "describe (every|each) [I]",
        "what (do|can) you see in (the|these|all|each of the|both) (images|pictures|photos)",
        "[can] describe (the|these|all the) (images|pictures|drawings|photos)",
        "(compare|list|summarise|summarize|caption) (the|these|all) (images|pictures|drawings|photos)",
        "what does (each|every) [I] show",
        "go through (the|these|all the) (images|pictures)( one by one|)",
        "tell me about (the|these|all the|all) (images|pictures|photos)",
        "what are these",
        "describe them( all|)",
    ),
    "count_pictures": (
        "how many (images|pictures|photos|drawings) (are there|do you see|can you see|are these|did I send|have I sent)",
        "count the (images|pictures|photos)",
        "what (is|'s) the number of (images|pictures)",
        "[tell] how many (images|pictures) (there are|you see)",
        "how many (images|pictures|photos)",
        "number of (images|pictures)",
        "how many (images|pictures) did you get",
        "how many (images|pictures|photos) are here",
        "how many (images|pictures|photos) have you got",
        "(give|give me) the number of (images|pictures)",
    ),
    # Clips ---------------------------------------------------------------------------------
    "describe_clip": (
        "describe [this] [V]( in detail| briefly|)",
        "what (happens|is happening|goes on|is going on) in [this] [V]",
        "what (does|do) [this] [V] show",
        "what (is|'s) in [this] [V]",
        "what (do|can) you see in [this] [V]",
        "what (happens|is happening|is going on)( here|)",
        "[can] describe [this] [V]",
        "[tell] what happens( in [this] [V]|)",
        "(summarise|summarize|explain|caption) [this] [V]",
        "give me a (description|summary) of [this] [V]",
        "tell me about [this] [V]",
        "watch [this] [V]. what (happens|do you see)",
        "what (is|'s) (shown|moving) in [this] [V]",
    ),
    "direction": (
        "(which|what) (way|direction) (does|is) the {x} (move|go|moving|going|heading)",
        "in (which|what) direction (does|is) the {x} (move|go|moving|going)",
        "where (does|is) the {x} (move|go|moving to|going|going to|heading)",
        "how does the {x} move",
        "what (does|is) the {x} (do|doing)",
        "[tell] (which way|where|in which direction) the {x} (moves|goes|is moving|is going)",
        "(does|is) the {x} (move|moving) (left or right|up or down|left, right, up or down)",
        "what (happens|is happening) to the {x}",
        "(the |)direction of the {x}",
        "what (is|'s) the (direction|motion|movement) of the {x}",
        "describe (how the {x} moves|the movement of the {x}|the motion of the {x})",
        "does the {x} move( at all|)",
        "where to does the {x} move",
    ),
    # No question about a picture -----------------------------------------------------------
    "hello": (
        "(hello|hi|hey|hi there|hello there|good morning|good evening|good afternoon|good day|greetings)",
        "(hello|hi|hey) (you|friend|model|assistant|qwen|everyone|bot)",
        "(hi|hello), (how are you|nice to meet you|are you there|how is it going)",
        "how (are you|are you doing|is it going|do you do)",
        "(are you there|is anybody there|anyone there|anybody home)",
        "nice to meet you",
        "what's up",
        "hello(!|!!|,|) (my name is|I am|this is) (Anna|Tom|Sam|Maria|Li|Ali|Kim)",
        "yo",
        "howdy",
    ),
    "thanks": (
        "(thanks|thank you|thank you very much|thanks a lot|many thanks|cheers|thx|ty)",
        "(great|good|nice|perfect|well done|good job|wonderful|excellent|cool|super|amazing|awesome)",
        "(great|good|perfect|ok|wow), (thanks|thank you)",
        "that is (right|correct|great|good|true|perfect)",
        "(correct|right|exactly|yes, correct)",
        "(thanks|thank you) for (your|the) (help|answer)",
        "(that was|that is) (helpful|very helpful|nice|very good)",
        "you are (right|great|good|clever|the best)",
        "I (like|love) (it|that|this)",
        "(ok|okay|alright|fine|got it|I see)",
    ),
    "bye": (
        "(bye|goodbye|bye bye|good bye|see you|see you later|good night|farewell|so long|take care)",
        "(bye|goodbye|see you) (then|now|friend|tomorrow|soon)",
        "(thanks|ok|okay), (bye|goodbye|see you)",
        "I (have to|must) go( now|)",
        "that (is|was) all( for now| for today|)",
        "have a (nice|good|great) (day|evening|weekend)",
        "until (next time|tomorrow|later)",
        "I am (leaving|done|finished)( now|)",
        "we are (done|finished)",
        "(let us|let's) stop here",
    ),
    "self": (
        "who are you",
        "what are you",
        "(introduce|describe) yourself",
        "what (can|do) you do",
        "what (model|kind of model|ai|llm|bot|language model) (are you|is this|am I talking to)",
        "what (is|'s) your name",
        "tell me (about|something about) (yourself|you)",
        "how (can|do|could) you help( me|)",
        "what are you (able to do|good at|for|made for|capable of|trained on)",
        "(help|help me|what now|how does this work|what can I ask( you|)|what should I ask|how do I use (this|you))",
        "are you (a robot|a human|an ai|a model|qwen|real|chatgpt|a language model|a person)",
        "who (made|trained|built|created|wrote) you",
        "which model (are you|is this|is running|is loaded)",
        "how (big|large|many parameters) (are|do) you( have|)",
        "what (do|can) you (know|understand|recognise|recognize|answer)",
        "what are your (limits|abilities|skills|limitations)",
    ),
    "refuse": (
        "what (is|'s) the capital of (France|Germany|Spain|Italy|China|Japan|India|Brazil|Canada)",
        "(write|compose|make) (me |)(a|a short|a long) (poem|story|song|letter|essay|joke|email|report|novel)"
        "( about (love|cats|the sea|a tree|winter|my dog)|)",
        "(write|show me|give me) (some |a |)(code|program|python|javascript|function|script|html|sql)"
        "( for (me|a game|sorting|a list|a page)|)",
        "translate (this|it|hello|the text|that) (to|into) (French|German|Chinese|Spanish|Japanese|English)",
        "(who|when) (is|was) (the president|Einstein|Napoleon|Shakespeare|the king|the first man on the moon|born)",
        "what (is|'s) (the weather|the time|the date|the news|the meaning of life|love|gravity|physics|the price)"
        "( today| like| now|)",
        "tell me (a joke|a story|the news|a secret|something|something interesting|about history|about dogs)",
        "how (old|tall|far|heavy|expensive) (is|are) (the sun|the moon|you|the earth|Mount Everest|a car|a house)",
        "(solve|calculate|compute|what is) {n} (plus|times|minus|+|*|-) {m}",
        "(explain|teach me) (quantum mechanics|relativity|maths|math|biology|economics|how a car works|cooking)",
        "(recommend|suggest) (me |)(a|a good) (book|film|movie|restaurant|hotel|song|recipe)",
        "how do I (cook|bake|make|repair|build|fix|learn|get) (rice|a cake|bread|a bike|a house|piano|money|tea)",
        "what (should|shall) I (eat|wear|do|buy|cook|read) (today|tomorrow|tonight|for dinner)",
        "why is the (sky|sea|grass|snow|blood) (blue|green|white|red|so cold)",
        "(who is|where is|what is) (this person|that man|this woman|this place|this city|this animal|this dog|this car)",
        "(what|which) (animal|dog|cat|car|city|person|food|plant|bird|brand|flower|building) is (this|that|it|in [this] [I])",
        "how (many|much) (people|dogs|cats|cars|money|birds|trees|apples|calories) (are there|is it|do you see|is that)",
        "is (the|this) (person|man|woman|dog|cat|car|child) (happy|sad|old|young|big|running|asleep)",
        "where (was|is) (this|it) (taken|made|photo taken|photographed)",
        "what (year|season|time of day|country) (is it|is this)",
        "(sing|dance|play|cook|drive|swim|call|order) (for me|with me|a pizza|a taxi|a song|something)",
        "what do you think (of|about) (politics|music|art|football|religion|me|money|love)",
        "(edit|change|crop|rotate|generate|create|make|paint) (an|the|this|a) (image|picture|photo|new one)",
        "my (computer|phone|car|dog|tooth|printer) (is|does) (broken|not work|sick|slow)",
        "(blah|asdf|lorem ipsum|foo bar|xyz|qwerty|test test)( blah| asdf| dolor|)",
    ),
}

HELD_OUT: dict[str, tuple[str, ...]] = {
    "describe": (
        "could you please describe the picture for me in a few words",
        "what can be seen in this picture",
        "in one sentence, what does the image show",
        "give a short caption",
        "please say what is in the drawing",
        "so what do we see here",
    ),
    "colour": (
        "can you tell me the colo(u|)r of the {x}",
        "what colo(u|)r do you see on the {x}",
        "the {x}, what colo(u|)r is it",
        "I want to know what colo(u|)r the {x} is",
        "what is the {x} colo(u|)r",
    ),
    "shape": (
        "could you name the {c} shape",
        "the {c} object, what is it",
        "what do you see in {c}",
        "which shape has been drawn in {c}",
    ),
    "count": (
        "how many shapes have been drawn here",
        "can you count how many shapes there are",
        "the number of shapes, please",
        "how many objects can be seen in the image",
    ),
    "count_by": (
        "can you count how many {xs} there are",
        "how many {xs} can be seen in the image",
        "the number of {xs}, please",
        "how many {xs} have been drawn here",
    ),
    "where": (
        "could you say where the {x} is",
        "where exactly is the {x}",
        "where in the drawing can you find the {x}",
        "the {x}, where is it",
    ),
    "exists": (
        "can you find a {x} in the picture",
        "is there by any chance a {x} here",
        "does it show a {x}",
        "is a {x} there",
    ),
    "is_colour": (
        "can you say whether the {x} is {c}",
        "is the {x} in {c}",
        "does the {x} have a {c} colo(u|)r",
        "so the {x} is {c}",
    ),
    "locate": (
        "could you draw a bounding box around the {x}",
        "please give the box of the {x}",
        "put the {x} in a box",
        "show the bounding box of the {x} in the image",
    ),
    "point": (
        "could you point out the {x}",
        "please point at the {x} in the image",
        "give me the point of the {x}",
        "mark the centre of the {x}",
    ),
    "read": (
        "can you read the text to me",
        "what does the word in the picture say",
        "please transcribe the letters",
        "which text is written in the image",
    ),
    "pick_describe": (
        "could you say what is in {pic}",
        "now describe {pic} for me",
        "what is there in {pic}",
        "what can be seen in {pic}",
    ),
    "which_picture": (
        "in which of them is the {x}",
        "can you tell me which picture has the {x}",
        "where can I find the {x}, which image",
        "which of these pictures contains the {x}",
    ),
    "describe_all": (
        "what can be seen in these pictures",
        "say what is in each of the images",
        "give me a description of all pictures",
    ),
    "describe_clip": (
        "could you describe what happens in the clip",
        "please say what is going on in the video",
        "what can be seen in the video",
    ),
    "direction": (
        "to which side does the {x} move",
        "can you tell me the direction of the {x}",
        "where is the {x} going in the video",
        "the {x}, which way does it go",
    ),
    "hello": ("hello, hello", "hey there", "hi, good morning"),
    "self": ("please introduce yourself", "tell me what you can do", "which model am I talking to"),
    "refuse": (
        "please write a poem about the moon",
        "what is the capital of Poland",
        "can you translate this into Italian",
        "give me a recipe for bread",
    ),
}

# Follow-ups: asked after an answer, they lean on what was said before.
FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "other_colour": (
        "(and |)what [C] is the other one",
        "(and |)the other one",
        "what about the other (one|[S])",
        "(and |)which [C] (is|has) the other (one|[S])",
        "(and |)what (is|'s) the [C] of the other (one|[S])",
        "and the other [S]",
        "now the [C] of the other one",
        "tell me the [C] of the other one( too|)",
        "how about the other one",
        "what [C] does the other (one|[S]) have",
    ),
    "same_colour": (
        "(and |)the {x}",
        "what about the {x}",
        "how about the {x}",
        "and what about the {x}",
        "now the {x}",
    ),
    "it_where": (
        "(and |)where is (it|that|that one)",
        "where( exactly|) is it( in [this] [I]|)",
        "in (which|what) part of [this] [I] is it",
        "(and |)its (place|position|location)",
        "where do you see it",
        "(and |)where",
        "where can I find it",
        "what (is|'s) its (position|place)",
        "where is it (placed|located)",
        "tell me where it is",
    ),
    "it_locate": (
        "(locate|find|detect|mark|box) it",
        "(draw|put|give me) (a box|a bounding box) (around|on|for) it",
        "(and |)where is it? give (a|the) box",
        "(give me|show me|show|return) its (box|bounding box|coordinates)",
        "[can] (locate|mark|box) it",
        "its (bounding box|box)",
        "(bounding box|box), please",
        "show me where it is with a box",
        "what are its coordinates",
        "now (locate|box|mark) it",
    ),
    "it_colour": (
        "(and |)what [C] is (it|that|that one)",
        "(and |)(which|what) [C]",
        "what (is|'s) its [C]",
        "(and |)its [C]",
        "which [C] (is it|does it have|has it)",
        "in (what|which) [C] is it( drawn|)",
        "(tell me|name) its [C]",
        "and the [C]",
        "what [C] does it have",
        "what is the [C] of it",
    ),
}

HELD_OUT["other_colour"] = (
    "and what is the colo(u|)r of the other one",
    "what colo(u|)r is the other one then",
)
HELD_OUT["it_where"] = ("and where can I see it", "so where is it")
HELD_OUT["it_locate"] = ("please draw the bounding box around it", "could you give me its box")
TRAINING.update(FOLLOW_UPS)

ORDINALS = ("first", "second", "third", "fourth")
LEAD_INS = (
    "(here is|this is|look at|take a look at|see) (a|my|this) [I](.|:|)",
    "(here are|look at) (some|my|these) (images|pictures)(.|:|)",
    "(hello|hi|hey)(!|.|,)",
    "I have (a question|some questions)(.|:)",
    "please (answer|help me)(.|:)",
    "(look|see) here(.|:)",
)

_OPENERS = ("please ", "please, ", "hey, ", "hi, ", "ok, ", "so, ", "well, ", "and ", "now ", "tell me: ", "quick question: ",
            "hello! ", "question: ", "um, ", "dear model, ", "then ")  # fmt: skip
_CLOSERS = (
    " please",
    ", please",
    " thanks",
    " now",
    ", thank you",
    " for me",
    " then",
    " (in this picture)",
)


def expand(template: str, rng: random.Random) -> str:
    """Choose among the alternatives of a template, innermost first."""
    for name in re.findall(r"\[(\w+)\]", template):
        template = template.replace(f"[{name}]", MACROS[name], 1)
    if "[" in template:
        return expand(template, rng)
    while found := re.search(r"\(([^()]*)\)", template):
        choice = rng.choice(found.group(1).split("|"))
        template = template[: found.start()] + choice + template[found.end() :]
    return template


def picture_reference(index: int, count: int, rng: random.Random, noun: str = "picture") -> str:
    """A way to name picture `index` (from 0) of `count`: `Picture 2`, `the second image`, `the last picture`."""
    noun = rng.choice((noun, noun, "image", "photo")) if noun == "picture" else noun
    ways = [
        f"{noun} {index + 1}",
        f"{noun} {index + 1}",
        f"the {ORDINALS[index]} {noun}",
        f"{noun} number {index + 1}",
    ]
    if index == count - 1:
        ways.append(f"the last {noun}")
    if index == 0:
        ways.append(f"the first {noun}")
    name = rng.choice(ways)
    return name.capitalize() if rng.random() < 0.4 and not name.startswith("the") else name


def ask(kind: str, rng: random.Random, held_out: bool = False, **slots: str) -> str:
    """One question of a kind in some wording, case and punctuation."""
    templates = HELD_OUT.get(kind, TRAINING[kind]) if held_out else TRAINING[kind]
    text = expand(rng.choice(templates), rng)
    for slot, value in slots.items():
        text = text.replace("{" + slot + "}", value)
    text = text.replace(" 's", "'s")
    text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
    text = re.sub(r"\b([Aa])n (?![aeio])", r"\1 ", text)
    return dress(text, rng)


def dress(text: str, rng: random.Random) -> str:
    """Vary what carries no meaning: politeness, capitals, the mark at the end."""
    if rng.random() < 0.12:
        text = rng.choice(_OPENERS) + text
    if rng.random() < 0.06:
        text += rng.choice(_CLOSERS)
    style = rng.random()
    if style < 0.62:
        text = text[0].upper() + text[1:]
    elif style < 0.92:
        text = text.lower() if rng.random() < 0.5 else text
    elif style < 0.96:
        text = text.upper()
    else:
        text = text.title()
    mark = rng.random()
    if mark < 0.55:
        question = re.match(
            r"(?i)(and |so, |ok, )?(what|which|where|how|is|are|do|does|can|could|who|in)\b", text
        )
        return text + ("?" if question else ".")
    return text + rng.choice(("", "", "", "", "?", ".", "!", "??", " ?", "..."))
