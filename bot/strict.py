"""The strict action endpoint: a dead action server must not look like success.

Rasa catches every `Exception` of an action, logs it and goes on to the form's happy end. What is
raised here is no `Exception`, so that it passes through to the channel, which then gives the turn
up: the tracker is not saved, the gateway hears 503 and tells the owner the truth.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from rasa.core.channels.channel import OutputChannel
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import AwaitableTrackerStore, FailSafeTrackerStore, TrackerStore
from rasa.utils.endpoints import EndpointConfig

ACTION_TIMEOUT = 8.0
"""Seconds for one action. The gateway waits 10 s for the turn; Rasa's own default is 300."""


class TurnAborted(BaseException):
    """The turn cannot be finished; nothing of it may be kept or said."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class StrictEndpoint(EndpointConfig):
    """An action endpoint on which every failure aborts the turn."""

    def __init__(self, inner: EndpointConfig) -> None:
        super().__init__(
            inner.url, inner.params, inner.headers, inner.basic_auth, inner.token, inner.token_name
        )
        self._client: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the action server; raises `TurnAborted` unless it answers 200 with JSON."""
        body = dict(kwargs.get("json") or {})
        # The actions do not read the domain, and it is a hundred kilobytes a call.
        body["domain"] = {}
        client = self._session()
        try:
            async with client.post(str(self.url), json=body, headers=self.headers) as response:
                if response.status != 200:
                    raise TurnAborted(f"action server answered {response.status}")
                return await response.json()
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise TurnAborted(f"action server failed: {type(error).__name__}") from error

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None or self._client.closed:
            self._client = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ACTION_TIMEOUT)
            )
        return self._client

    async def close(self) -> None:
        """Close the connection pool."""
        if self._client is not None:
            await self._client.close()


def make_strict(processor: MessageProcessor) -> None:
    """Give `processor` the strict endpoint and the tracker store without its safety net.

    Rasa wraps the store so that a failing database is replaced by memory that nobody else sees:
    an owner's half-filled form would be lost without a word.
    """
    endpoint = processor.action_endpoint
    if isinstance(endpoint, EndpointConfig) and not isinstance(endpoint, StrictEndpoint):
        processor.action_endpoint = StrictEndpoint(endpoint)
    store: TrackerStore = processor.tracker_store
    while isinstance(store, FailSafeTrackerStore | AwaitableTrackerStore):
        store = store._tracker_store
    processor.tracker_store = store


async def run_turn(processor: MessageProcessor, output: OutputChannel, tracker: Any) -> None:
    """Let the policies act on a tracker whose last event is the owner's message."""
    tracker = await processor.run_action_extract_slots(output, tracker)
    await processor._run_prediction_loop(output, tracker)
