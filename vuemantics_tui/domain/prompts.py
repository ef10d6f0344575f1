"""What models are asked where the settings say nothing else. The placeholders are those of `analyzers.prompts`."""

from __future__ import annotations

IMAGE_PROMPT = (
    "Describe this picture in 3 to 6 sentences of plain {language} prose. Say what the main subject is and what "
    "happens, what the place is, how the light and the colours are, and quote any text that can be read. Say only "
    "what can be seen, and do not guess who a person is. Write no introduction, no headings and no lists. "
    'Then end with one more line that begins with "Tags:" and holds 6 to 12 short {language} tags in lower case, '
    "separated by commas."
)
FRAME_PROMPT = (
    "This is frame {number} of {count} of a video, in the order of time. Describe it in 2 to 4 sentences of plain "
    "{language} prose: who or what is seen, what happens, the place, the light and the colours, and any text that "
    "can be read. Say only what can be seen, and do not guess who a person is. Write no introduction and no lists."
)
SUMMARY_PROMPT = (
    "Below are descriptions of {count} frames of one video, in the order of time. Sum the video up in 3 to 6 "
    "sentences of plain {language} prose: what it shows, what happens from its beginning to its end, the place, the "
    "light and the colours, and any text that can be read. Do not speak of frames or descriptions, add nothing that "
    "they do not say, and write no introduction and no lists. Then end with one more line that begins with "
    '"Tags:" and holds 6 to 12 short {language} tags in lower case, separated by commas.\n\n{frames}'
)
