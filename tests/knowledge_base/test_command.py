"""The command line, as a person runs it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pitstop.base.settings import DEMO_SECRETS

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path, *arguments, module="knowledge_base"):
    # Neither DEMO nor a secret: a command that serves nobody needs none.
    env = {key: value for key, value in os.environ.items() if key not in (*DEMO_SECRETS, "DEMO")}
    env |= {
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'c.db'}",
        "PITSTOP_VAR": str(tmp_path),
    }
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_import_reports_bad_rows_and_export_writes_the_rest(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,question,answer\na,甲怎么办,好\nb,,坏\n", encoding="utf-8")
    done = run(tmp_path, "import", source)
    assert done.returncode == 0, done.stderr
    assert "第3行" in done.stdout
    assert run(tmp_path, "export", tmp_path / "out.jsonl").returncode == 0
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    assert "甲怎么办" in lines[0]
    refused = run(tmp_path, "import", source, "--all-or-nothing")
    assert refused.returncode == 1


def test_search_before_any_release_says_so(tmp_path):
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"query": "换电"}\n', encoding="utf-8")
    done = run(tmp_path, "search", "--batch", queries)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "发布" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_database_gets_the_schema_and_migrates_on(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,question,answer\na,甲怎么办,好\n", encoding="utf-8")
    done = run(tmp_path, "import", source)
    assert done.returncode == 0, done.stderr
    after = run(tmp_path, "migrate", module="pitstop.app")
    assert after.returncode == 0, after.stderr
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        kept = database.execute("SELECT question FROM kb_article").fetchall()
    assert {"alembic_version", "kb_article", "event", "conversation"} <= tables
    assert kept == [("甲怎么办",)]


def test_a_database_from_before_there_were_deltas_is_brought_up_to_date(tmp_path):
    assert run(tmp_path, "migrate", "0002", module="pitstop.app").returncode == 0
    done = run(tmp_path, "export", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    assert "kb_delta" in tables


def test_a_release_of_another_encoder_says_what_to_do(tmp_path):
    assert run(tmp_path, "export", tmp_path / "out.jsonl").returncode == 0
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        database.execute(
            "INSERT INTO kb_release (id, version, created_at, created_by, encoder, content_hash,"
            " article_count, question_count, thresholds, withdrawn, versions, content, model)"
            " VALUES ('a', 1, '2026-01-01 00:00:00', 'x', 'other', 'x', 1, 1, '{}', '[]', x'00',"
            " x'00', x'00')"
        )
        database.commit()
    done = run(tmp_path, "search", "换电")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "重新发布" in done.stderr and "knowledge_base publish" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_migrated_says_why(tmp_path):
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        database.execute("CREATE TABLE event (other INTEGER)")
    done = run(tmp_path, "export", tmp_path / "out.jsonl")
    assert done.returncode == 1
    assert "event" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_serving_without_secrets_is_refused(tmp_path):
    done = run(tmp_path, "serve", module="pitstop.app")
    assert done.returncode == 2
    assert "OWNER_JWT_SECRET" in done.stderr
