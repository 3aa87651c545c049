"""The articles that ship, and what is said of a file that is not right."""

from __future__ import annotations

import pytest

from knowledge_base.shipped import ShippedError, background, read_articles

GOOD = """category: 测试
articles:
  - id: one
    question: 甲怎么办
    similar: [甲一]
    answer: 好
    tags: [甲]
    next: none
"""


def test_everything_that_ships_is_right():
    found = read_articles()
    assert len(found) >= 100
    assert all(len(each.similar) >= 3 for each in found)
    assert len(background()) >= 400


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    next: none\n", "    next: fly\n"), "next"),
        (("    answer: 好\n", ""), "answer"),
        (("    answer: 好\n", "    answer: 好\n    colour: 红\n"), "第7行"),
        (("id: one", "id: One!"), "One!"),
        (("    tags: [甲]", "    tags: [甲"), "YAML"),
        (("category: 测试\n", ""), "第1行"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path, change, said):
    (tmp_path / "bad.yml").write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(ShippedError) as error:
        read_articles(tmp_path)
    assert str(error.value).startswith("bad.yml 第")
    assert said in str(error.value)


def test_two_articles_may_not_be_asked_alike(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.yml").write_text(GOOD.replace("id: one", "id: two"), encoding="utf-8")
    with pytest.raises(ShippedError, match="甲怎么办"):
        read_articles(tmp_path)
