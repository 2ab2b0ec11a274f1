"""Tokens of users on both databases, and submissions that come twice."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from seaway.base.clock import ManualClock
from seaway.model.run import RunSpec, TaskSpec
from seaway.model.user_token import UserTokenSpec
from seaway.platform.callers import Caller
from seaway.platform.database import user_tokens
from seaway.platform.database.database import open_database
from seaway.platform.database.location import locate
from seaway.platform.database.records import UserTokenRecord
from seaway.platform.errors import Conflict, NotFound, Unauthorized
from seaway.platform.user_tokens import UserTokens, judge

RECORD = UserTokenRecord("0123456789ab", "0" * 64, "laptop", "ada", False, 1.0, "root")


@pytest.fixture
async def database(database_setting, tmp_path):
    async with open_database(locate(database_setting, tmp_path / "d")) as opened:
        yield opened


async def test_a_token_comes_back_as_it_was_written(database) -> None:
    await database.write(lambda c: user_tokens.add(c, RECORD))
    assert await database.read(lambda c: user_tokens.by_key(c, RECORD.key)) == RECORD
    assert await database.read(lambda c: user_tokens.by_key(c, "other")) is None


@pytest.mark.parametrize(
    ("changes", "now", "good"),
    [
        pytest.param({}, 5.0, True, id="without an end"),
        pytest.param({"expires": 5.1}, 5.0, True, id="before its end"),
        pytest.param({"expires": 5.0}, 5.0, False, id="at its end"),
        pytest.param({"revoked": 4.0}, 5.0, False, id="revoked"),
        pytest.param({"revoked": 4.0, "expires": 9.0}, 5.0, False, id="revoked before its end"),
    ],
)
async def test_which_tokens_are_good(database, changes, now, good) -> None:
    record = replace(RECORD, **changes)
    await database.write(lambda c: user_tokens.add(c, record))
    assert await database.read(lambda c: user_tokens.good(c, now)) == ([record] if good else [])
    assert (await database.read(lambda c: user_tokens.good_by_name(c, "laptop", now)) is not None) == good
    assert await database.write(lambda c: user_tokens.revoke(c, "laptop", now)) == int(good)


async def test_a_token_opens_from_its_making_until_it_is_revoked(database) -> None:
    clock = ManualClock()
    tokens = UserTokens(database, clock)
    view, token = await tokens.create(
        UserTokenSpec(name="laptop", user="ada", lifetime_seconds=60.0), by="root"
    )
    assert (view.user, view.created_by, view.admin) == ("ada", "root", False)
    assert await tokens.verify(token) == Caller("ada", False, "laptop", clock.now() + 60.0)
    with pytest.raises(Conflict):
        await tokens.create(UserTokenSpec(name="laptop"), by="root")
    await tokens.revoke("laptop")
    with pytest.raises(Unauthorized, match="revoked"):
        await tokens.verify(token)
    with pytest.raises(NotFound):
        await tokens.revoke("laptop")
    _, second = await tokens.create(UserTokenSpec(name="laptop", admin=True), by="root")
    assert await tokens.verify(second) == Caller("laptop", True, "laptop")
    assert [each.name for each in await tokens.list()] == ["laptop"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), id="another last letter"),
        pytest.param(lambda token: token[:-1], id="cut off"),
        pytest.param(lambda token: token + "A", id="longer"),
        pytest.param(lambda token: token.upper(), id="upper case"),
        pytest.param(lambda token: token.replace("seaway_", "seaway-"), id="another beginning"),
        pytest.param(lambda token: token[:19] + "_" + "A" * 43, id="the key with another secret"),
        pytest.param(lambda token: "", id="nothing"),
        pytest.param(lambda token: "é" * 63, id="no ASCII"),
        pytest.param(lambda token: "x' OR '1'='1", id="SQL"),
        pytest.param(lambda token: token + "\n", id="a line's end"),
    ],
)
async def test_anything_else_is_nobodys(database, damage) -> None:
    tokens = UserTokens(database, ManualClock())
    _, token = await tokens.create(UserTokenSpec(name="laptop"), by="root")
    assert await tokens.verify(damage(token)) is None


def test_a_token_of_another_key_is_nobodys_whatever_its_state() -> None:
    """What it says of a revoked one is for whoever has that very token."""
    assert judge(replace(RECORD, revoked=1.0), "seaway_0123456789ab_x", 5.0) is None
    assert judge(None, "seaway_0123456789ab_x", 5.0) is None


def spec(name: str | None = None) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=("exit", "0")),))


@pytest.mark.parametrize("name", ["named", None])
async def test_a_submission_that_comes_twice_is_one_run(server, name) -> None:
    key = uuid.uuid4().hex
    first = await server.runs.submit(spec(name), user="ada", key=key)
    again = await server.runs.submit(spec(name), user="ada", key=key)
    assert again.name == first.name
    assert len(await server.runs.list(all=True)) == 1
    assert (await server.runs.wait(first.name, timeout=60)).exit_code == 0
    late = await server.runs.submit(spec(name), user="ada", key=key)
    assert (late.name, late.exit_code) == (first.name, 0)


async def test_a_key_is_its_users_own(server) -> None:
    key = uuid.uuid4().hex
    first = await server.runs.submit(spec(), user="ada", key=key)
    with pytest.raises(Conflict, match="somebody else's"):
        await server.runs.submit(spec(), user="eve", key=key)
    assert await server.runs.owner(first.name) == "ada"
    with pytest.raises(NotFound):
        await server.runs.owner("nothing")


async def test_a_taken_name_is_a_conflict_with_another_key(server) -> None:
    await server.runs.submit(spec("named"), user="ada", key=uuid.uuid4().hex)
    with pytest.raises(Conflict, match="named 'named' already"):
        await server.runs.submit(spec("named"), user="ada", key=uuid.uuid4().hex)
