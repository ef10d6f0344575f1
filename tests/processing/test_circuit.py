"""The circuit, with clock, waiting and server under control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from vuemantics_tui.analyzers.base import ServerState
from vuemantics_tui.domain.errors import LibraryError, ServerDownError
from vuemantics_tui.processing.circuit import FREE_REFUSALS, REFUSALS_TO_OPEN, STORE_SECONDS, Circuit, Outage, Part

DOWN = ServerDownError("Ollama at http://gpu", "it refuses the connection", "Start it.")


class World:
    """A clock that moves when something waits, and servers of which each look sees the next state."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []
        self.looks: list[list[ServerState] | Exception] = []
        self.on_wait: Callable[[], None] = lambda: None
        self.circuit = Circuit(self.look, clock=lambda: self.now, wait=self.wait, jitter=lambda _low, high: high)

    async def wait(self, _event: asyncio.Event, seconds: float) -> None:
        self.on_wait()
        self.waits.append(seconds)
        self.now += seconds

    async def look(self) -> list[ServerState]:
        state = self.looks.pop(0)
        if isinstance(state, Exception):
            raise state
        return state

    def refuse(self, count: int = 1, error: ServerDownError = DOWN, part: Part = Part.DESCRIBER) -> None:
        for number in range(count):
            self.circuit.refused(part, f"upload {number}", error)


def state(answers: bool, server: str = DOWN.server) -> list[ServerState]:
    """One server's state."""
    return [ServerState(server, answers)]


@pytest.fixture
def world() -> World:
    return World()


def test_it_opens_after_a_few_refusals_in_a_row(world: World) -> None:
    world.refuse(REFUSALS_TO_OPEN - 1)
    assert not world.circuit.is_open
    assert world.circuit.outage is None
    world.circuit.answered(Part.DESCRIBER, "another")
    world.refuse(REFUSALS_TO_OPEN - 1)
    assert not world.circuit.is_open, "they were not in a row"
    world.refuse()
    assert world.circuit.is_open
    world.now += 2.0
    assert world.circuit.outage == Outage(DOWN.server, DOWN.message, DOWN.hint, 100.0, 2.0, 0.0)


def test_refusals_of_two_servers_are_not_added_up(world: World) -> None:
    for _ in range(REFUSALS_TO_OPEN - 1):
        world.refuse(error=DOWN)
        world.refuse(error=ServerDownError("another", "away"))
    assert not world.circuit.is_open


def test_an_answer_of_the_other_part_says_nothing_of_this_one(world: World) -> None:
    for _ in range(REFUSALS_TO_OPEN):
        world.refuse()
        world.circuit.answered(Part.EMBEDDER, "another")
    assert world.circuit.is_open
    world.circuit.answered(Part.EMBEDDER, "another")
    assert world.circuit.is_open
    world.circuit.answered(Part.DESCRIBER, "one that was still running")
    assert not world.circuit.is_open
    assert world.circuit.outage is None


async def test_it_looks_after_1_2_4_seconds_and_no_less_often_than_every_5_in_the_first_minute(world: World) -> None:
    world.looks = [*[state(False) for _ in range(17)], state(True)]
    world.refuse(REFUSALS_TO_OPEN)
    await world.circuit.watch()
    assert world.waits == [1, 2, 4, *[5] * 11, *[30] * 4]
    assert not world.circuit.is_open
    assert world.circuit.is_trying


async def test_the_seconds_to_the_next_look_count_down(world: World) -> None:
    seen: list[float] = []

    def look_at_it() -> None:
        outage = world.circuit.outage
        assert outage is not None
        seen.append(outage.next_look_in)

    world.on_wait = look_at_it
    world.looks = [state(False), state(False), state(True)]
    world.refuse(REFUSALS_TO_OPEN)
    await world.circuit.watch()
    assert seen == [1, 2, 4]


async def test_a_look_that_breaks_is_no_answer_and_stops_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.looks = [RuntimeError("on purpose"), state(True)]
    world.refuse(REFUSALS_TO_OPEN)
    await world.circuit.watch()
    assert world.circuit.is_trying
    assert any("could not be looked at" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("states", "is_back"),
    [
        ([*state(False), *state(True, "built-in models")], False),
        ([*state(True), *state(False, "another")], True),
        (state(True, "told by another name"), True),
        ([*state(False, "told"), *state(False, "by other names")], False),
        ([], False),
    ],
)
async def test_of_a_pair_it_is_the_one_that_is_down_which_must_answer(
    world: World, states: list[ServerState], is_back: bool
) -> None:
    world.looks = [states, state(True)]
    world.refuse(REFUSALS_TO_OPEN)
    await world.circuit.watch()
    assert len(world.looks) == is_back


async def test_of_several_hosts_one_that_answers_is_enough(world: World) -> None:
    both = ServerDownError("Ollama at http://a, Ollama at http://b", "both refuse")
    world.looks = [[*state(False, "Ollama at http://a"), *state(True, "Ollama at http://b")]]
    world.refuse(REFUSALS_TO_OPEN, both)
    await world.circuit.watch()
    assert world.circuit.is_trying


async def test_after_a_look_one_is_tried_and_decides(world: World) -> None:
    world.looks = [state(True), state(True)]
    world.refuse(REFUSALS_TO_OPEN)
    await world.circuit.watch()
    assert world.circuit.outage is None
    world.refuse()
    outage = world.circuit.outage
    assert outage is not None
    assert outage.since == 100.0, "it is the same outage"
    await world.circuit.watch()
    assert world.waits == [1, 2], "and the looks do not begin anew"
    world.circuit.answered(Part.DESCRIBER, "one")
    assert not world.circuit.is_trying
    world.refuse()
    assert not world.circuit.is_open


async def test_a_person_can_have_it_look_at_once_and_an_answer_ends_the_watch() -> None:
    looks: list[int] = []

    async def look() -> list[ServerState]:
        looks.append(1)
        return state(len(looks) > 1)

    circuit = Circuit(look, jitter=lambda _low, _high: 1e6)
    for number in range(REFUSALS_TO_OPEN):
        circuit.refused(Part.DESCRIBER, str(number), DOWN)
    watch = asyncio.create_task(circuit.watch())
    await asyncio.sleep(0)
    circuit.look_now()
    async with asyncio.timeout(30):
        while not looks:
            await asyncio.sleep(0)
        circuit.look_now()
        await watch
    assert circuit.is_trying
    circuit.refused(Part.DESCRIBER, "again", DOWN)
    watch = asyncio.create_task(circuit.watch())
    await asyncio.sleep(0)
    circuit.answered(Part.DESCRIBER, "one that was still running")
    async with asyncio.timeout(30):
        await watch
    assert (len(looks), circuit.is_open, circuit.is_trying) == (2, False, False)


def test_an_upload_that_is_refused_again_and_again_while_others_are_answered_is_to_blame(world: World) -> None:
    blamed = []
    for _ in range(FREE_REFUSALS + 1):
        blamed.append(world.circuit.refused(Part.DESCRIBER, "poison", DOWN))
        world.circuit.answered(Part.DESCRIBER, "another")
    assert blamed == [False] * FREE_REFUSALS + [True]
    world.circuit.answered(Part.DESCRIBER, "poison")
    assert not world.circuit.refused(Part.DESCRIBER, "poison", DOWN)


def test_no_upload_is_to_blame_for_a_server_that_is_away(world: World) -> None:
    assert not any(world.circuit.refused(Part.DESCRIBER, "one", DOWN) for _ in range(50))


async def test_a_write_is_done_again_until_the_store_takes_it(world: World) -> None:
    locked = LibraryError("The library is locked", "Wait.")
    answers: list[LibraryError | int] = [locked, locked, 7]
    seen: list[float | None] = []

    async def write() -> int:
        answer = answers.pop(0)
        if isinstance(answer, LibraryError):
            raise answer
        return answer

    def other_writes_pass() -> None:
        world.circuit.store_answered()
        outage = world.circuit.outage
        seen.append(outage.lasted if outage else None)

    world.on_wait = other_writes_pass
    assert await world.circuit.insist(write) == 7
    assert seen == [0.0, STORE_SECONDS], "open until this very write was taken"
    assert not world.circuit.is_open
    assert world.circuit.outage is None


async def test_a_write_that_is_given_up_leaves_the_circuit_to_who_tries_next(world: World) -> None:
    async def write() -> None:
        raise LibraryError("The library is locked", "Wait.")

    def give_up() -> None:
        raise asyncio.CancelledError

    world.on_wait = give_up
    with pytest.raises(asyncio.CancelledError):
        await world.circuit.insist(write)
    assert world.circuit.store_is_away
    world.circuit.store_answered()
    assert not world.circuit.is_open
