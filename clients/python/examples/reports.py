"""Three functions as a team may have them already, made agents of Weft by a decorator.

Must stay plain Python: take the decorators away, and it is what it was before.
"""

import time
from collections.abc import Iterator
from typing import Annotated, Literal, TypedDict

from weft_worker import App, Context, Port

app = App("reports")

LongText = Annotated[str, Port(title="Text", format="multiline")]
Markdown = Annotated[str, Port(format="markdown")]


class Figures(TypedDict):
    words: int
    sentences: int
    longest_word: str


@app.agent(id="count-words", name="Count words", output="figures")
def count_words(text: LongText) -> Figures:
    """Counts the words and sentences of a text."""
    words = [each.strip(".,;:!?") for each in text.split()]
    longest = max(words, key=len, default="")
    return {"words": len(words), "sentences": text.count("."), "longest_word": longest}


@app.agent(id="write-summary", name="Write a summary", output="summary")
def write_summary(text: LongText, tone: Literal["plain", "cheerful"], ctx: Context) -> Iterator[str]:
    """Writes about a text, slowly, as a language model would; takes up what a reviewer asked for."""
    if ctx.feedback:
        yield f"(Once more, because {ctx.feedback.reviews[-1].by} asked: {ctx.feedback.text})\n\n"
    sentences = [each.strip() for each in text.split(".") if each.strip()]
    for n, sentence in enumerate(sentences):
        ctx.progress(n, len(sentences), sentence[:40])
        time.sleep(1.5)
        yield f"- {sentence}{'!' if tone == 'cheerful' else '.'}\n"


@app.agent(id="make-report", name="Make a report", output="report")
def make_report(summary: str, figures: Figures, title: str = "Report") -> Markdown:
    """Puts the parts together."""
    return f"# {title}\n\n{summary.strip()}\n\n{figures['words']} words; the longest is *{figures['longest_word']}*.\n"
