#!/usr/bin/env python3
"""Members of rooms: those who are away are told of to modules, deleted accounts belong nowhere, limits hold, and
administrators do all of it by bongsuctl."""
import os
import re
import subprocess
from pathlib import Path

from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, codes, enter, item, listed, make, presence, refusal, say

SOURCE = Path(os.environ["BONGSU_SOURCE"])
SERVICE = "conference.localhost"
LISTENER = r"""
#include "module.h"
static enum verdict
missed(struct room_event *ev)
{
	log_info(AREA_MODULE, NULL, "%s missed %s in %s", ev->account->home.jid.text, ev->message->id,
		ev->message->from.text);
	return PASS;
}
MODULE(listener) = { IDENTITY(listener), .summary = "Listens",
	.hooks = (const struct hook[]){ ON(room_message_missed, ORDER_NORMAL, missed), END_HOOKS } };
"""


def listener():
    Path("modules").mkdir(exist_ok=True)
    Path("listener.c").write_text(LISTENER, encoding="ascii")
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-shared", "-fPIC", f"-I{SOURCE}/src",
                    f"-I{SOURCE}/src/module", f"-I{SOURCE}", "-o", "modules/listener.so", "listener.c"], check=True)
    return str(Path("modules").resolve())


server = Server(modules_dir=listener())


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    return [server.login(name, "dev") for name in names]


def gives(what, out, *arguments, err=""):
    done = server.ctl(*arguments)
    good = re.fullmatch(out, done.out) if hasattr(out, "fullmatch") or out.startswith("^") else done.out == out
    return check(what, done.code == bool(err) and good and err in done.err, done)


def away():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("away")
    make(alice, place, "Alice", membersonly="1")
    admin(alice, place, *({"jid": f"{name}@localhost", "affiliation": "member"} for name in ("bob", "carol", "dave")))
    enter(bob, place, "Bob")
    say(alice, place, "hello", "first")
    server.wait_log(r"dave@localhost missed first in away@conference.localhost/Alice")
    server.wait_log(r"carol@localhost missed first in ")
    log = server.log()
    check("members who are not there are told of", len(re.findall(" missed first ", log)) == 2, log[-1000:])
    alice.send(f"<message to='{place}' type='groupchat' id='state'><composing xmlns='http://jabber.org/protocol/chatstates'/>"
               "</message>")
    bob.wait("id='state'")
    enter(carol, place, "Carol")
    say(bob, place, "hi", "second")
    server.wait_log(r"dave@localhost missed second in away@conference.localhost/Bob")
    log = server.log()
    check("those who are there are not", len(re.findall(" missed second ", log)) == 1, log[-1000:])
    check("nor of what says nothing", " missed state " not in log)
    muc.configure(alice, place, membersonly="0")
    say(bob, place, "open", "third")
    muc.configure(alice, place, membersonly="1")
    say(bob, place, "closed", "fourth")
    server.wait_log(" missed fourth ")
    check("nor of an open room", " missed third " not in server.log())


def removed():
    """A deleted account belongs to no room, whoever has its name next."""
    alice, = users("alice")
    place, asleep = room("removed"), room("asleep")
    for where in (place, asleep):
        make(alice, where, "Alice", membersonly="1")
        admin(alice, where, {"jid": "gone@localhost", "affiliation": "member"})
    muc.leave(alice, asleep, "Alice")
    server.restart()
    server.register("gone")
    alice, gone = users("alice", "gone")
    enter(alice, place, "Alice")
    enter(gone, place, "Gone")
    gives("its rooms", f"{asleep}\n{place}\n", "get_user_rooms", "gone", "localhost")
    server.ctl("unregister", "gone", "localhost")
    check("it leaves", presence(alice, place, "Gone", "unavailable"))
    server.register("gone")
    gone, = users("gone")
    check("the next one of that name is a stranger", refusal(gone, place, "Gone") == "registration-required")
    check("everywhere", refusal(gone, asleep, "Gone") == "registration-required")
    gives("and has no rooms", "", "get_user_rooms", "gone", "localhost")


def limits():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("limits")
    server.configure(modules={"muc": {"max_members": 3, "max_banned": 1, "max_users": 2}})
    server.reload()
    make(alice, place, "Alice")
    check("as many members as there may be", admin(alice, place, *({"jid": f"m{i}@localhost", "affiliation": "member"}
                                                                    for i in range(2))).get("type") == "result")
    answer = admin(alice, place, {"jid": "m3@localhost", "affiliation": "member"})
    check("not one more", answer.condition == "resource-constraint", answer)
    check("but another in the place of one", admin(alice, place, {"jid": "m0@localhost", "affiliation": "none"},
                                                   {"jid": "m3@localhost", "affiliation": "member"}).get("type") == "result")
    check("nor more bans", admin(alice, place, *({"jid": f"b{i}@localhost", "affiliation": "outcast"} for i in range(2)))
          .condition == "resource-constraint" and listed(alice, place, affiliation="outcast") == [])
    enter(bob, place, "Bob")
    check("nor more occupants", refusal(carol, place, "Carol") == "service-unavailable")
    bob.send(f"<presence to='{place}/Bob'><status>{'x' * 20000}</status></presence>")
    check("no presence that is big", bob.wait("type='error'").condition == "policy-violation")
    alice.send(f"<message to='{place}' type='groupchat' id='big'><subject>{'x' * 20000}</subject></message>")
    check("nor a subject", alice.wait("id='big'").condition == "policy-violation")
    server.configure(modules={"muc": {"max_owned": 1}})
    server.reload()
    make(bob, room("mine"), "Bob")
    enter(bob, room("second"), "Bob")
    answer = bob.ask("set", f"<query xmlns='{muc.OWNER}'><x xmlns='{muc.FORM}' type='submit'/></query>", to=room("second"))
    check("nor more rooms of one", answer.condition == "resource-constraint", answer)
    server.configure(modules={"muc": {"create": "none"}})
    server.reload()
    check("rooms may be made by nobody", refusal(bob, room("new"), "Bob") == "not-allowed")
    server.configure(modules={})
    server.reload()
    check("the limits are gone", admin(alice, place, {"jid": "m4@localhost", "affiliation": "member"}).get("type") == "result" and
          refusal(carol, place, "Carol") is None)
    muc.leave(carol, place, "Carol")
    muc.configure(alice, place, maxusers="2", maxmembers="4")
    check("a room may have less of them", admin(alice, place, {"jid": "m5@localhost", "affiliation": "member"}).condition ==
          "resource-constraint" and refusal(carol, place, "Carol") == "service-unavailable")
    muc.configure(alice, place, maxusers="0", maxmembers="0")
    answer = admin(alice, place, *({"jid": f"n{i}@localhost", "affiliation": "member"} for i in range(97)))
    check("100 is the limit", answer.condition == "resource-constraint" and admin(
        alice, place, *({"jid": f"n{i}@localhost", "affiliation": "member"} for i in range(96))).get("type") == "result", answer)
    server.configure(modules={"muc": {"max_members": 101}})
    server.reload()
    check("which the administrator raises, for rooms that are there", admin(
        alice, place, {"jid": "n100@localhost", "affiliation": "member"}).get("type") == "result" and len(
            listed(alice, place, affiliation="member")) == 100)
    server.configure(modules={})
    server.reload()


def commands():
    alice, bob = users("alice", "bob")
    place = room("tea")
    gives("create_room", "", "create_room", "tea", SERVICE, "localhost")
    gives("twice", "", "create_room", "tea", SERVICE, "localhost", err="conflict")
    gives("of another service", "", "create_room", "tea", "nowhere.test", "localhost", err="not_found")
    gives("with a bad name", "", "create_room", "te a", SERVICE, "localhost", err="invalid_jid")
    gives("create_room_with_opts", "", "create_room_with_opts", "cake", SERVICE, "localhost",
          "title:Cake,members_only:true,max_users:7")
    gives("with an option that is not there", "", "create_room_with_opts", "x", SERVICE, "localhost", "y:z", err="bad_request")
    gives("which makes nothing", "", "get_room_options", "x", SERVICE, err="not_found")
    done = server.ctl("get_room_options", "cake", SERVICE)
    check("get_room_options", {"title\tCake", "members_only\ttrue", "max_users\t7", "public\ttrue"} <= set(done.out.splitlines()),
          done)
    gives("change_room_option", "", "change_room_option", "tea", SERVICE, "title", "Tea time")
    check("it counts", "name='Tea time'" in alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                                                      to=place).raw)
    gives("to a bad value", "", "change_room_option", "tea", SERVICE, "max_users", "many", err="bad_request")
    gives("set_room_affiliation", "", "set_room_affiliation", "tea", SERVICE, "alice", "localhost", "owner")
    gives("subscribe_room", "", "subscribe_room", "bob", "localhost", "Bobby", "tea", SERVICE)
    gives("get_room_affiliation", "owner\n", "get_room_affiliation", "tea", SERVICE, "alice@localhost")
    done = server.ctl("get_room_affiliations", "tea", SERVICE)
    check("get_room_affiliations", sorted(done.out.splitlines()) == ["alice@localhost\towner\t", "bob@localhost\tmember\t"], done)
    done = server.ctl("get_subscribers", "tea", SERVICE)
    check("get_subscribers", sorted(done.out.split()) == ["alice@localhost", "bob@localhost"], done)
    done = server.ctl("get_user_subscriptions", "bob", "localhost")
    check("get_user_subscriptions", f"{place}\tBobby\tmember\t" in done.out.splitlines(), done)
    check("the owner is one", item(enter(alice, place, "Alice").me)["affiliation"] == "owner")
    enter(bob, place, "Bob")
    alice.take()
    gives("get_room_occupants", f"{alice.jid}\tAlice\tmoderator\n{bob.jid}\tBob\tparticipant\n", "get_room_occupants", "tea",
          SERVICE)
    gives("get_room_occupants_number", "2\n", "get_room_occupants_number", "tea", SERVICE)
    gives("set_room_affiliation again", "", "set_room_affiliation", "tea", SERVICE, "bob", "localhost", "admin")
    check("who is there hears of it", item(presence(alice, place, "Bob"))["affiliation"] == "admin" or
          item(presence(alice, place, "Bob"))["affiliation"] == "admin")
    gives("unsubscribe_room", "", "unsubscribe_room", "bob", "localhost", "tea", SERVICE)
    say(alice, place, "for the record", "c1")
    done = server.ctl("get_room_history", "tea", SERVICE)
    check("get_room_history", "for the record" in done.out and done.out.count("\n") == 1, done)
    bob.available()
    gives("send_direct_invitation", "", "send_direct_invitation", "tea", SERVICE, "none", "Come", "bob@localhost")
    invited = bob.wait(f"jabber:x:conference[^>]*jid='{place}'").find("{jabber:x:conference}x")
    check("it arrives", invited.get("jid") == place and invited.get("reason") == "Come" and invited.get("password") is None)
    done = server.ctl("muc_online_rooms", SERVICE)
    check("muc_online_rooms", {place, room("cake")} <= set(done.out.split()), done)
    gives("muc_online_rooms_count", f"{len(done.out.split())}\n", "muc_online_rooms_count", "global")
    gives("subscribe_room_many", "", "subscribe_room_many", "carol@localhost:Caroline,dave@localhost", "cake", SERVICE)
    done = server.ctl("get_room_affiliations", "cake", SERVICE)
    check("makes all of them members", sorted(done.out.splitlines()) == ["carol@localhost\tmember\t", "dave@localhost\tmember\t"],
          done)
    done = server.ctl("get_user_subscriptions", "carol", "localhost")
    check("with their nicks", f"{room('cake')}\tCaroline\tmember\t" in done.out.splitlines(), done)
    gives("or none", "", "subscribe_room_many", "eve@localhost:Eve,bob@localhost:Caroline", "cake", SERVICE, err="conflict")
    gives("so that the first is no member either", "none\n", "get_room_affiliation", "cake", SERVICE, "eve@localhost")
    gives("nor a bad address", "", "subscribe_room_many", "eve@localhost:Eve,@", "cake", SERVICE, err="invalid_jid")
    done = server.ctl("rooms_empty_list", SERVICE)
    check("rooms_empty_list", room("cake") in done.out.split() and place not in done.out.split(), done)
    gives("create_room", "", "create_room", "void", SERVICE, "localhost")
    enter(bob, room("void"), "Bob")
    done = server.ctl("rooms_empty_destroy", "global")
    check("rooms_empty_destroy", room("cake") in done.out.split(), done)
    gives("a room without messages is gone", "", "get_room_options", "cake", SERVICE, err="not_found")
    gives("not one with occupants", "1\n", "get_room_occupants_number", "void", SERVICE)
    gives("nor one with messages", "2\n", "get_room_occupants_number", "tea", SERVICE)
    muc.leave(bob, room("void"), "Bob")
    gives("create_room", "", "create_room", "cake", SERVICE, "localhost")
    gives("rooms_unused_list", "", "rooms_unused_list", SERVICE, "1")
    done = server.ctl("rooms_unused_destroy", SERVICE, "0")
    check("rooms_unused_destroy", room("cake") in done.out.split(), done)
    gives("what was empty is gone", "", "get_room_options", "cake", SERVICE, err="not_found")
    gives("what was used is not", "2\n", "get_room_occupants_number", "tea", SERVICE)
    gives("destroy_room", "", "destroy_room", "tea", SERVICE)
    gone = presence(bob, place, "Bob", "unavailable")
    check("its occupants are told", gone.find(f"{muc.USER}x/{muc.USER}destroy") is not None, gone)
    presence(alice, place, "Alice", "unavailable")
    check("it is no more", 201 in codes(enter(alice, place, "Alice").me))


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave")
    run(away, removed, limits, commands)


try:
    main()
finally:
    server.kill()
