"""People and groups to ask about.

As a program it makes them, on the server at BANTER_URL, and prints who they are as JSON. As hooks of Schemathesis it reads
that from PEOPLE. Random ids meet nobody, and all that could be compared were empty lists: so of the requests that the
document allows every other one is about somebody, or a group, that there is.
"""

import base64
import json
import os
import sys
import urllib.request

import schemathesis

URL = os.environ["BANTER_URL"]
SERVER_KEY = "Basic " + base64.b64encode(b"defaultkey:").decode()


def call(method, path, auth, body=None):
    request = urllib.request.Request(
        URL + path, method=method, headers={"Authorization": auth}, data=json.dumps(body or {}).encode()
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sign_in(device, username=""):
    session = call("POST", f"/v2/account/authenticate/device?username={username}", SERVER_KEY, {"id": device})
    return "Bearer " + session["token"]


def account(auth):
    return call("GET", "/v2/account", auth)["user"]["id"]


def populate():
    """Ana, who asks, with friends, groups, notifications and a history."""
    people = {name: sign_in(f"device-of-{name}", name) for name in ("ana", "ben", "cleo", "dan")}
    ids = {name: account(auth) for name, auth in people.items()}
    ana, ben, cleo, dan = people.values()
    profile = {"display_name": "Ben", "avatar_url": "a", "lang_tag": "en", "location": "b", "timezone": "c"}
    call("PUT", "/v2/account", ben, profile)
    call("POST", "/v2/account/link/custom", ana, {"id": "custom-of-ana"})
    call("POST", "/v2/account/link/email", ana, {"email": "ana@example.com", "password": "correct-horse"})
    call("POST", f"/v2/friend?ids={ids['ben']}&ids={ids['cleo']}&metadata=%7B%22a%22%3A1%7D", ana)
    call("POST", f"/v2/friend?ids={ids['ana']}&ids={ids['cleo']}", ben)
    call("POST", f"/v2/friend?ids={ids['ana']}&ids={ids['ben']}", cleo)
    call("POST", f"/v2/friend?ids={ids['ana']}&ids={ids['cleo']}", dan)
    call("POST", f"/v2/friend?ids={ids['dan']}", cleo)
    group = call("POST", "/v2/group", ana, {"name": "gardeners", "open": True, "description": "d", "avatar_url": "a"})["id"]
    for auth in (ben, cleo):
        call("POST", f"/v2/group/{group}/join", auth)
    closed = call("POST", "/v2/group", ana, {"name": "the others"})["id"]
    call("POST", f"/v2/group/{closed}/join", ben)
    return {
        "token": ana.removeprefix("Bearer "),
        "users": list(ids.values()),
        "groups": [group, closed],
        "channels": [f"3.{group}..", f"3.{closed}..", "2...lobby"],
    }


if __name__ == "__main__":
    print(json.dumps(populate()))
    sys.exit()

people = json.loads(os.environ["PEOPLE"])
# Whose requests end what they are made with.
ENDING = {"DeleteAccount", "SessionLogout"}
turn = 0


@schemathesis.hook
def before_call(context, case, kwargs):
    global turn
    turn += 1
    operation = case.operation.definition.raw.get("operationId")
    if operation in ENDING and str(case.headers.get("Authorization", "")).startswith("Bearer "):
        case.headers["Authorization"] = sign_in(f"device-number-{turn}")
    generation = case.meta.generation if case.meta else None
    if turn % 2 == 0 or generation is None or not generation.mode.is_positive:
        return

    def pick(known):
        return known[turn // 2 % len(known)]

    for name, known in (("group_id", people["groups"]), ("user_id", people["users"]), ("channel_id", people["channels"])):
        for place in (case.path_parameters, case.query):
            if place and name in place:
                place[name] = pick(known)
    for name in ("ids", "user_ids"):
        # Ids of notifications are nobody's.
        if case.query and name in case.query and "notification" not in case.path:
            case.query[name] = [pick(people["users"])]
