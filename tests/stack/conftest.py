"""One stack a run, put back to the demo's beginning before each test.

``TEST_DATABASE_URL`` (a PostgreSQL server) runs everything on a database made there and dropped
afterwards; without it, everything runs on SQLite and the tests marked ``postgres`` start a second
stack on the PostgreSQL of ``TEST_POSTGRES``, if one can be reached.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stack.agent import Agent
from tests.stack.owner import Owner
from tests.stack.stack import (
    Stack,
    postgres_database,
    postgres_server,
    settings_for,
    sqlite_database,
)
from tools.environment import known_settings
from tools.prepare import prepare
from tools.steps import Steps

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, so that ``-m "not stack"`` leaves them out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)
            # The first test waits for a database to be seeded and a model to be loaded.
            item.add_marker(pytest.mark.timeout(900))


@contextmanager
def _running(var: Path, server: str | None) -> Iterator[Stack]:
    made = postgres_database(server, var) if server else sqlite_database(var)
    with made as url:
        stack = Stack(*settings_for(var, url))
        try:
            stack.start()
            stack.wait_ready()
            yield stack
        finally:
            stack.stop()


@pytest.fixture(scope="session")
def model() -> None:
    """Have the model that `make run` uses; made anew only if what it learns from changed."""
    prepare(known_settings(), Steps(2), database=False)


@pytest.fixture(scope="session")
def whole_run(model: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The processes that the tests of a run share."""
    server = os.environ.get("TEST_DATABASE_URL")
    with _running(tmp_path_factory.mktemp("stack"), server) as stack:
        yield stack


@pytest.fixture
def stack(whole_run: Stack) -> Stack:
    """The stack, with the demo as it begins, on a Monday at ten."""
    whole_run.begin()
    return whole_run


@pytest.fixture(scope="session")
def second_run(model: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A second stack, on PostgreSQL."""
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("the whole suite runs on the database of TEST_DATABASE_URL")
    server = postgres_server()
    if server is None:
        if os.environ.get("CI"):
            pytest.fail("CI tests on PostgreSQL too, and none can be reached")
        pytest.skip("no PostgreSQL can be reached (TEST_POSTGRES)")
    with _running(tmp_path_factory.mktemp("stack-postgres"), server) as stack:
        yield stack


@pytest.fixture
def on_postgres(second_run: Stack) -> Stack:
    """The stack on PostgreSQL, with the demo as it begins."""
    second_run.begin()
    return second_run


@pytest.fixture
def owner(stack: Stack) -> Owner:
    """An owner in Shanghai with one car (a YS6), whose usual store is 上海闵行服务中心."""
    return Owner(stack, "owner-1")


@pytest.fixture
def customer(stack: Stack) -> Callable[[str], Owner]:
    """Any other customer of the demo, by id."""
    return lambda customer_id: Owner(stack, customer_id)


@pytest.fixture
def agent(stack: Stack) -> Iterator[Agent]:
    """An agent at the desk."""
    signed_in = Agent(stack)
    yield signed_in
    signed_in.close()


@pytest.fixture
def colleague(stack: Stack) -> Iterator[Agent]:
    """A second agent."""
    signed_in = Agent(stack, "agent2")
    yield signed_in
    signed_in.close()
