"""The benchmark's runner: what a figure says, and which parts there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import bench
from tools.benched import PARTS, Figure, Part, sentences


def test_a_figure_says_its_share_of_the_baseline_and_whether_the_aim_is_met() -> None:
    share = Figure("one", 36.0, "ms", "encoder", 20.0, aim=("<=", 1.8), of_ratio=True)
    assert share.ratio == pytest.approx(1.8)
    assert share.met
    assert Figure("one", 36.1, "ms", "encoder", 20.0, aim=("<=", 1.8), of_ratio=True).met is False
    assert Figure("rate", 24.0, "/s", aim=(">=", 25)).met is False
    assert Figure("just so", 24.0, "/s").met is None
    assert share.row()[2:6] == ("36 ms", "encoder: 20 ms", "1.80 ×", "<= 1.8 ×")


def test_parts_run_as_named_and_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_bars: object) -> list[Figure]:
        raise OSError("no such thing")

    parts = {
        "quick": Part("a quick one", lambda _bars: [Figure("it", 1.0, "s", aim=("<=", 2))]),
        "slow": Part("a slow one", lambda _bars: [Figure("it", 3.0, "s", aim=("<=", 2))], True),
        "broken": Part("breaks", broken),
    }
    monkeypatch.setattr(bench, "MODULES", ())
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench.json")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "PARTS", parts)
    assert bench.main(["quick"]) == 0
    assert json.loads((tmp_path / "bench.json").read_text())["figures"][0]["met"] is True
    assert bench.main(["slow"]) == 1
    assert "MISSED" in capsys.readouterr().out
    assert bench.main([]) == 1
    report = json.loads((tmp_path / "bench.json").read_text())
    # The slow one runs only if named; the broken one does not keep the other from its say.
    assert report["parts"] == ["quick", "broken"]
    assert [each["part"] for each in report["figures"]] == ["quick"]
    with pytest.raises(SystemExit):
        bench.main(["unknown"])


def test_there_are_sentences_to_measure_with_and_parts_with_a_line_of_help() -> None:
    assert len(sentences()) > 200
    assert all(each.says for each in PARTS.values())
