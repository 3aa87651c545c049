"""Who has the word in a conversation: the bot, the queue, or a person."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.conversation.tables import Conversation
from pitstop.conversation.wire import Word
from pitstop.storage.events import emit


def give(
    session: AsyncSession, conversation: Conversation, word: Word, *, cause: str | None = None
) -> bool:
    """Give the word of a locked conversation to `word`; False if it has it already.

    Raises the epoch, so that whatever the bot was still thinking about is not said any more.
    `cause` is the inbox entry whose own turn made the change: its replies are still wanted.
    """
    if conversation.word == word:
        return False
    conversation.word = word
    conversation.epoch += 1
    conversation.epoch_cause = cause
    emit(session, "word", conversation.id, conversation_id=conversation.id, word=word)
    return True


def may_commit(conversation: Conversation, inbox_id: str, epoch: int) -> bool:
    """Say whether a bot's answer, asked for in `epoch`, may still be said."""
    if conversation.epoch == epoch:
        return conversation.word == "bot"
    return conversation.epoch == epoch + 1 and conversation.epoch_cause == inbox_id
