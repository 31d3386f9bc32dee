#!/usr/bin/env python3
"""nakama-python, the Nakama client for Python, against a running banter server.

    BANTER_URL=http://127.0.0.1:PORT python chat.py

Prints PASS or FAIL for each test. Every test makes its own users, rooms and groups, so any server will do, and
several runs at once.
"""
import asyncio
import contextlib
import json
import os
import sys
import traceback
import urllib.parse
import uuid

from nakama import NakamaClient, NakamaSocket

ADDRESS = urllib.parse.urlsplit(os.environ["BANTER_URL"])
SERVER_KEY = os.environ.get("BANTER_SERVER_KEY", "defaultkey")

# How long to wait for anything a server owes. Long, because only a failing test waits so long.
PATIENCE_SECONDS = 15
# Of one test as a whole. The client waits for answers without a limit of its own.
LIMIT_SECONDS = 60

ROOM, DIRECT, GROUP = 1, 2, 3

# Codes of REST refusals, and the one that refusals in chat have on the socket.
INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED = 3, 5, 16
BAD_INPUT = 3

# Codes of event messages in a group's channel, and of notifications.
USER_JOINED, USER_KICKED = 3, 6
CHAT_REQUEST, FRIEND_INVITATION = -1, -2

TESTS = []


def test(function):
    """Adds a test. Its name is the first line of its documentation."""
    TESTS.append(function)
    return function


def unique(what):
    return f"{what}-{uuid.uuid4()}"


class Refused(Exception):
    """What the server has refused: the client hands refusals back like any other answer."""

    def __init__(self, error):
        super().__init__(error)
        self.code, self.message = error["code"], error["message"]


def taken(answer):
    """The answer to a REST call or to a request on the socket, unless it is a refusal."""
    if "error" in answer:
        raise Refused(answer["error"])
    if "code" in answer and "message" in answer:
        raise Refused(answer)
    return answer


async def assert_refused(call, code):
    try:
        answer = taken(await call)
    except Refused as refusal:
        assert refusal.code == code, refusal
        assert refusal.message, "a refusal says why"
        return refusal.message
    raise AssertionError(f"was not refused: {answer}")


class Person:
    """A user with a client and a socket, whose events wait in line until a test asks for them."""

    def __init__(self, client):
        self.client = client
        self.socket = NakamaSocket(client)
        self.messages, self.presences, self.notifications = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()
        handlers = self.socket.handlers
        handlers.set_channel_message_handler(self.messages.put)
        handlers.set_channel_presence_handler(self.presences.put)
        handlers.set_notification_handler(self.notifications.put)

    @property
    def id(self):
        return self.client.session.user_id

    @property
    def name(self):
        return self.client.session.username

    async def join(self, target, kind):
        return taken(await self.socket.channel.join(target, kind, True, False))["channel"]

    async def say(self, channel_id, text):
        content = json.dumps({"text": text})
        return taken(await self.socket.channel.send_message(channel_id, content))["channel_message_ack"]

    async def history(self, channel_id, **page):
        return taken(await self.client.channel.get_history(channel_id, **page))

    async def message(self):
        return await came(self.messages, "a channel message")

    async def presence(self):
        return await came(self.presences, "a presence event")

    async def notified(self):
        """Returns when there is news among the notifications.

        The client hands its handler the key of the event in place of the notifications in it. So its users have to
        read them by REST.
        """
        await came(self.notifications, "a notification")

    async def listed(self):
        return taken(await self.client.notifications.get(limit=100)).get("notifications", [])

    async def assert_quiet(self):
        """Asserts that nothing waits in line.

        An answer is behind all that was sent before it, so asking for one makes sure that it has arrived.
        """
        taken(await self.socket.status.unfollow([]))
        for waiting in (self.messages, self.presences, self.notifications):
            assert waiting.empty(), waiting.get_nowait()


async def came(line, what):
    try:
        return await asyncio.wait_for(line.get(), PATIENCE_SECONDS)
    except asyncio.TimeoutError:
        raise AssertionError(f"{what} did not come within {PATIENCE_SECONDS} s") from None


class Cast:
    """The people of one test. What they have opened is closed when it ends."""

    def __init__(self, stack):
        self.stack = stack

    def client(self):
        client = NakamaClient(ADDRESS.hostname, ADDRESS.port, SERVER_KEY)
        self.stack.push_async_callback(client.close)
        return client

    async def person(self):
        client = self.client()
        keep(client, await client.account.authenticate.device(unique("device")))
        person = Person(client)
        await person.socket.connect()
        self.stack.push_async_callback(person.socket.close)
        return person

    async def people(self, n):
        return [await self.person() for _ in range(n)]


def keep(client, session):
    """Signing in does not set the client's tokens: its users have to."""
    taken(session)
    client.session.set_token(session["token"])
    client.session.set_refresh_token(session["refresh_token"])


def texts(messages):
    return [json.loads(message["content"]).get("text") for message in messages]


async def talk(channel_id, *people):
    """Everybody says something, and everybody hears all of it in the same order."""
    said = []
    for person in people:
        ack = await person.say(channel_id, f"☃ \"{person.name}\"")
        assert ack["channel_id"] == channel_id and ack["username"] == person.name, ack
        said.append((ack["message_id"], person.id, f"☃ \"{person.name}\""))
    for person in people:
        heard = [await person.message() for _ in said]
        assert [(m["message_id"], m["sender_id"], *texts([m])) for m in heard] == said, heard


@test
async def signing_in(cast):
    """a user signs in by device, custom id and e-mail, and reads the account"""
    client = cast.client()
    assert await client.healthcheck() == {}
    signing = client.account.authenticate
    device_id, custom_id, email = unique("device"), unique("custom"), f"{unique('ana')}@example.com"
    ways = [
        lambda **more: signing.device(device_id, **more),
        lambda **more: signing.custom(custom_id, **more),
        lambda **more: signing.email(email, "correct horse", **more),
    ]
    for way in ways:
        name = unique("ana")
        await assert_refused(way(create=False), NOT_FOUND)
        first = taken(await way(create=True, username=name, vars={"client": "test"}))
        assert first["created"] is True
        again = taken(await way(create=False))
        assert "created" not in again
        # Signing in needs the server key, and a client that has a token sends that instead: so this is another one.
        signed_in = cast.client()
        keep(signed_in, first)
        session = signed_in.session
        assert (session.username, session.vars, session.expired) == (name, {"client": "test"}, False)
        account = taken(await signed_in.account.get())
        assert account["user"]["id"] == session.user_id
        taken(await signed_in.account.update(display_name="Añá ☃", lang_tag="de"))
        account = taken(await signed_in.account.get())
        assert (account["user"]["display_name"], account["user"]["lang_tag"]) == ("Añá ☃", "de")


@test
async def refusals(cast):
    """a refusal is a code and a text, and the connection stays"""
    client = cast.client()
    message = await assert_refused(client.account.authenticate.device("short"), INVALID_ARGUMENT)
    assert "id" in message, message
    await assert_refused(client.account.get(), UNAUTHENTICATED)
    ana = await cast.person()
    channel = ana.socket.channel
    for request in (
        channel.join("x" * 65, ROOM, True, False),
        channel.join(str(uuid.uuid4()), GROUP, True, False),
        channel.join("nobody", DIRECT, True, False),
        channel.send_message(f"2...{unique('room')}", '{"text": "not joined"}'),
        channel.send_message("garbage", "{}"),
        channel.leave("garbage"),
    ):
        await assert_refused(request, BAD_INPUT)
    for history in (
        ana.client.channel.get_history("garbage"),
        ana.client.channel.get_history("2...room", cursor="garbage"),
        ana.client.channel.get_history(f"3.{uuid.uuid4()}.."),
    ):
        await assert_refused(history, INVALID_ARGUMENT)
    await ana.assert_quiet()
    room = await ana.join(unique("room"), ROOM)
    # Content is the text of a JSON object.
    await assert_refused(channel.send_message(room["id"], "no JSON"), BAD_INPUT)
    await ana.say(room["id"], "still here")


@test
async def room(cast):
    """two users in a room see each other come, chat both ways, and see each other go"""
    ana, ben = await cast.people(2)
    name = unique("a room")
    first = await ana.join(name, ROOM)
    assert first["id"] == f"2...{name}" and first["room_name"] == name, first
    assert (await ana.presence())["joins"] == [first["self"]]
    second = await ben.join(name, ROOM)
    assert second["presences"] == [first["self"]], second
    for person in (ana, ben):
        assert (await person.presence())["joins"] == [second["self"]]
    await talk(first["id"], ana, ben)
    assert taken(await ben.socket.channel.leave(first["id"])) == {}
    assert (await ana.presence())["leaves"] == [second["self"]]
    await ana.say(first["id"], "alone")
    await ana.message()
    for person in (ana, ben):
        await person.assert_quiet()


@test
async def editing(cast):
    """a message is updated and removed, and everybody is told"""
    ana, ben = await cast.people(2)
    name = unique("room")
    channel_id = (await ana.join(name, ROOM))["id"]
    await ben.join(name, ROOM)
    sent = await ana.say(channel_id, "first")
    await ben.message()
    channel = ana.socket.channel
    changes = [
        (channel.update_message(channel_id, sent["message_id"], '{"text": "better"}'), 1, ["better"]),
        (channel.delete_message(channel_id, sent["message_id"]), 2, []),
    ]
    for change, code, kept in changes:
        ack = taken(await change)["channel_message_ack"]
        told = await ben.message()
        for message in (ack, told):
            assert (message["code"], message["message_id"]) == (code, sent["message_id"]), message
        assert texts((await ana.history(channel_id)).get("messages", [])) == kept


@test
async def history(cast):
    """the history of a room is read page by page, in both directions"""
    ana, reader = await cast.people(2)
    channel_id = (await ana.join(unique("a room & more"), ROOM))["id"]
    said = [str(n) for n in range(7)]
    for text in said:
        await ana.say(channel_id, text)
    for forward in (True, False):
        read, cursor = [], None
        for size in (3, 3, 1):
            page = await reader.history(channel_id, limit=3, forward=forward, cursor=cursor)
            assert len(page["messages"]) == size, page
            read += texts(page["messages"])
            cursor = page.get("next_cursor")
        assert cursor is None, "nothing is left"
        assert read == (said if forward else said[::-1]), read
    # Without a limit a page is one message, as with Nakama.
    assert texts((await reader.history(channel_id))["messages"]) == ["0"]


@test
async def group(cast):
    """a group is made and joined, its members chat, and who is kicked is out"""
    ana, ben = await cast.people(2)
    name = unique("group")
    made = taken(await ana.client.groups.create(name, description="About us", is_open=True, max_member_count=10))
    assert (made["name"], made["open"], made["max_count"]) == (name, True, 10), made
    assert [g["id"] for g in taken(await ben.client.groups.list(name))["groups"]] == [made["id"]]
    channel_id = (await ana.join(made["id"], GROUP))["id"]
    await ana.presence()
    assert taken(await ben.client.groups.join(made["id"])) == {}
    event = await ana.message()
    assert (event["code"], event["sender_id"]) == (USER_JOINED, ben.id), event
    members = taken(await ben.client.groups.get_users(made["id"]))["group_users"]
    assert [member["user"]["id"] for member in members] == [ana.id, ben.id], members
    joined = taken(await ben.client.users.get_user_groups(ben.id))["user_groups"]
    assert [entry["group"]["id"] for entry in joined] == [made["id"]], joined

    await ben.join(made["id"], GROUP)
    await talk(channel_id, ana, ben)
    page = await ben.history(channel_id, limit=10)
    assert [message["code"] for message in page["messages"]] == [USER_JOINED, 0, 0], page

    assert taken(await ana.client.groups.kick_user(made["id"], [ben.id])) == {}
    assert (await ben.message())["code"] == USER_KICKED
    await assert_refused(ben.socket.channel.send_message(channel_id, "{}"), BAD_INPUT)
    await assert_refused(ben.client.channel.get_history(channel_id), INVALID_ARGUMENT)


@test
async def direct(cast):
    """a user asks another one for a chat, both talk, and a block ends it"""
    ana, ben = await cast.people(2)
    channel_id = (await ana.join(ben.id, DIRECT))["id"]
    await ben.notified()
    [request] = await ben.listed()
    assert (request["code"], request["sender_id"]) == (CHAT_REQUEST, ana.id), request
    assert json.loads(request["content"]) == {"username": ana.name}, request
    await ana.say(channel_id, "is anybody there?")
    await ana.message()

    second = await ben.join(ana.id, DIRECT)
    assert second["id"] == channel_id, second
    await talk(channel_id, ana, ben)
    page = await ben.history(channel_id, limit=10)
    assert texts(page["messages"])[0] == "is anybody there?", page

    assert taken(await ben.client.notifications.delete([request["id"]])) == {}
    assert await ben.listed() == []
    assert taken(await ben.client.friends.block(user_ids=[ana.id])) == {}
    await assert_refused(ana.socket.channel.send_message(channel_id, "{}"), BAD_INPUT)
    await assert_refused(ana.socket.channel.join(ben.id, DIRECT, True, False), BAD_INPUT)


@test
async def friends(cast):
    """two users become friends, and one sees what the other is doing"""
    ana, ben = await cast.people(2)
    assert taken(await ana.client.friends.add(user_ids=[ben.id])) == {}
    await ben.notified()
    assert [notification["code"] for notification in await ben.listed()] == [FRIEND_INVITATION]
    assert taken(await ben.client.friends.add(usernames=[ana.name])) == {}
    [friend] = taken(await ana.client.friends.list())["friends"]
    assert (friend["user"]["id"], friend["state"]) == (ben.id, 0), friend

    news = asyncio.Queue()
    ana.socket.handlers.set_status_presence_handler(news.put)
    assert taken(await ana.socket.status.follow([ben.id])) == {"status": {}}, "nobody is online"
    assert taken(await ben.socket.status.update("in the lobby")) == {}
    [shown] = (await came(news, "a status event"))["joins"]
    assert (shown["user_id"], shown["status"]) == (ben.id, "in the lobby"), shown
    [user] = taken(await ana.client.users.get(ids=[ben.id]))["users"]
    assert user["online"] is True, user


@test
async def session(cast):
    """a session is refreshed, and ends with a logout"""
    client = cast.client()
    keep(client, await client.account.authenticate.device(unique("device")))
    session, user_id, refresh_token = client.session, client.session.user_id, client.session.refresh_token
    # A refresh needs the server key, too. So the client has to forget its token first, and forgets the other one too.
    await assert_refused(session.refresh(), UNAUTHENTICATED)
    session.set_basic(SERVER_KEY)
    session.set_refresh_token(refresh_token)
    keep(client, await session.refresh())
    assert session.user_id == user_id
    assert taken(await client.account.get())["user"]["id"] == user_id
    assert taken(await session.logout()) == {}
    await assert_refused(client.account.get(), UNAUTHENTICATED)


async def run(function):
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.wait_for(function(Cast(stack)), LIMIT_SECONDS)


def main():
    failed = 0
    for function in TESTS:
        name = function.__doc__.splitlines()[0]
        try:
            asyncio.run(run(function))
        except Exception:  # whatever it is, it is the failure of this test alone
            failed += 1
            print(f"FAIL nakama-python: {name}")
            print("".join(f"     {row}\n" for row in traceback.format_exc().splitlines()), end="")
        else:
            print(f"PASS nakama-python: {name}")
        sys.stdout.flush()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
