"""The spaCy pipeline: jieba words, names by rule, fixed forms by pattern.

Importing this module registers the component, after which `spacy.load` takes
what `build` wrote.
"""

# No `from __future__ import annotations` here: spaCy validates a factory's
# arguments by its annotations and cannot resolve them from strings.

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from spacy.lang.zh import Chinese
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from pitstop.language.entities import Entity, find_all
from pitstop.language.places import Gazetteer
from pitstop.language.segment import add_words, tokenizer

COMPONENT = "pitstop_entities"
SPANS = "pitstop"
"""Key in `doc.spans` of everything found, also what overlaps or is ambiguous."""

_NAMES = "names.yml"


class Finder:
    """Puts plates, VINs, phones, mileage, order numbers and places into `doc.ents`.

    `ent.label_` is the entity's name, `ent.kb_id_` its normalised value. The
    names file travels with the pipeline, so that a saved one needs nothing else.
    """

    def __init__(self, names: Path | None = None) -> None:
        self._names = ""
        self._gazetteer: Gazetteer | None = None
        if names is not None:
            self._load(names)

    def __call__(self, doc: Doc) -> Doc:
        found = find_all(doc.text)
        if self._gazetteer is not None:
            taken = list(found)
            found += [
                place
                for place in self._gazetteer.find(doc.text)
                if all(place.end <= e.start or e.end <= place.start for e in taken)
            ]
        spans = [_span(doc, entity) for entity in found]
        doc.spans[SPANS] = spans
        # What was found by form or by reading the context beats the plain rules.
        mine = filter_spans(spans)
        ruled = [
            span
            for span in doc.ents
            if all(span.end <= other.start or other.end <= span.start for other in mine)
        ]
        doc.ents = (*mine, *ruled)
        return doc

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _NAMES).write_text(self._names, encoding="utf-8")

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> "Finder":
        self._load(Path(path) / _NAMES)
        return self

    def _load(self, names: Path) -> None:
        self._names = names.read_text(encoding="utf-8")
        self._gazetteer = Gazetteer.from_yaml(names)
        add_words(self._gazetteer.forms())


def _make(nlp: Language, name: str, names: str | None) -> Finder:
    # spaCy's tokenizer would use jieba's global dictionary, which cuts 换电站 in two.
    tokens: Any = nlp.tokenizer
    tokens.jieba_seg = tokenizer()
    return Finder(Path(names) if names else None)


_register: Callable[..., Any] = Language.factory
_register(COMPONENT, default_config={"names": None}, func=_make)


def build(gazetteer_path: Path | str, out_dir: Path | str) -> Path:
    """Build the pipeline from a names file, save it to `out_dir`, return that path."""
    names = Path(gazetteer_path)
    nlp = Chinese.from_config({"nlp": {"tokenizer": {"segmenter": "jieba"}}})
    nlp.add_pipe(COMPONENT, config={"names": str(names)})
    ruler: Any = nlp.add_pipe("entity_ruler", before=COMPONENT)
    gazetteer = Gazetteer.from_yaml(names)
    ruler.add_patterns(_patterns(gazetteer))
    out = Path(out_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        shutil.rmtree(out)
    # The saved configuration must not point at the file it was built from.
    nlp.config["components"][COMPONENT]["names"] = None
    nlp.to_disk(out)
    return out


def _patterns(gazetteer: Gazetteer) -> list[dict[str, Any]]:
    patterns: list[dict[str, Any]] = []
    for form, meanings in gazetteer.forms().items():
        if len(meanings) == 1:
            patterns.append(
                {"label": meanings[0].entity, "pattern": form, "id": str(meanings[0].value)}
            )
    patterns += [{"label": "model", "pattern": code, "id": code} for code in gazetteer.models]
    patterns += [{"label": "city", "pattern": city, "id": city} for city in gazetteer.cities]
    return patterns


def _span(doc: Doc, entity: Entity) -> Span:
    span = doc.char_span(
        entity.start,
        entity.end,
        label=entity.entity,
        kb_id=str(entity.value),
        alignment_mode="expand",
    )
    if span is None:  # cannot be: the finder reports offsets within the text
        raise ValueError(f"no tokens at {entity.start}:{entity.end}")
    return span
