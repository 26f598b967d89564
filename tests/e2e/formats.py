#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output in other forms: -F, -0, --json and --timestamps. Whatever is said comes out unharmed."""

import base64
import calendar
import json
import os
import re
import shutil
import subprocess
import time

from hashflow_test import DEADLINE, Skip, main, send_once, test, wait_until
from hashflow_test.session import Identity

#: What a line can be made of; no line ends with a CR, which belongs to its end.
TEXTS = [b"plain", b"", b" ", b"  two blanks before and behind  ", b"a\tb\t",
         b'"double" \'single\'', b"back\\slash \\n \\0 \\\\ \\", b"%p %% %n %",
         b"/peers", b"* up 127.0.0.1:1 x", b"-", b"{}", b"a\rb",
         "zoë 👋 中文 \u202e".encode(), b"\xff", b"caf\xe9 \xc3\xab", b"\xe4\xb8", b"\xed\xa0\x80",
         b"\x01\x1b[2J\x7f\x0b\x0c\x08", "\u0085\u2028\u2029\ufeff\uffff".encode(),
         bytes(range(1, 10)) + bytes(range(11, 13)) + bytes(range(14, 256)), b"x" * 65000]
MESSAGE_KEYS = ["type", "time", "unix", "address", "name", "node", "plain", "kind", "id",
                "text"]
EVENT_KEYS = ["type", "event", "time", "unix", "address", "name", "node", "plain"]
REPLY_KEYS = ["type", "command"]


def told(scene, *options, texts=(), orders=(), sender=(), **more):
    """What a node with these options prints when somebody sends it the texts: bytes."""
    path = scene.path("heard")
    with open(path, "wb") as file:
        bob = scene.node("bob", *options, stdout=file.fileno(), **more)
    if texts:
        alice = scene.run("alice", *sender, "-t", bob.address, bob.address,
                          stdin=b"".join(text + b"\n" for text in texts))
        assert alice.wait() == 0, alice.errors()
    bob.send(*orders)
    assert bob.finish() == 0, bob.errors()
    with open(path, "rb") as file:
        return file.read()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def objects(data):
    """The objects of --json; each line is one."""
    assert data.endswith(b"\n") or not data
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def text_of(record):
    if "text_base64" in record:
        assert list(record)[-2:] == ["text", "text_base64"]
        return base64.b64decode(record["text_base64"], validate=True)
    return record["text"].encode()


def jq(program, data, *options):
    """What jq makes of it; it fails on what is no JSON."""
    return subprocess.run(["jq", "-c", *options, program], input=data, check=True,
                          stdout=subprocess.PIPE, timeout=DEADLINE).stdout


def screen(scene, *options):
    """A node whose standard output is a terminal and whose input is not, and all that it shows."""
    master, slave = os.openpty()
    node = scene.node("bob", *options, stdout=slave)
    os.close(slave)

    def seen():
        while True:
            try:
                data = os.read(master, 65536)
            except BlockingIOError:
                return b"".join(parts)
            parts.append(data)
    parts = []
    os.set_blocking(master, False)
    return node, seen


@test("-F %p: each text comes out as it was said, one record a line")
def format_unharmed(scene):
    assert told(scene, "-F", "%p", texts=TEXTS) == b"".join(text + b"\n" for text in TEXTS)


@test("-0 ends each record with NUL, so that a record may have lines of its own")
def null_unharmed(scene):
    data = told(scene, "-0", "-F", r"%k\n%p\t%l\n", texts=TEXTS)
    assert data == b"".join(b"msg\n%s\t%d\n\0" % (text, len(text)) for text in TEXTS)


@test("-0 holds for plain messages, replies and events alike")
def null_everywhere(scene):
    data = told(scene, "--null", "-e", texts=[b"a\tb"], orders=["/echo one", "/echo"])
    *records, rest = data.decode().split("\0")
    assert rest == "" and "\n" not in data.decode(), data
    assert [record.split(" ")[0] for record in records if record[0] == "/"] == ["/echo", "/echo"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+ alice a\tb", next(r for r in records if r[0] == "1"))
    assert [record.split(" ")[1] for record in records if record[0] == "*"][0] == "up"


@test("--json: each text comes back, exactly, and what is not UTF-8 is marked")
def json_unharmed(scene):
    records = objects(told(scene, "--json", texts=TEXTS))
    assert [text_of(record) for record in records] == TEXTS
    for record, text in zip(records, TEXTS):
        marked = "text_base64" in record
        assert list(record)[:len(MESSAGE_KEYS)] == MESSAGE_KEYS, list(record)
        assert marked == (text.decode("utf-8", "replace") != text.decode("utf-8", "ignore"))
        assert not marked or "\ufffd" in record["text"]


@test("jq parses every line of --json: messages, events and replies")
def json_for_jq(scene):
    if not shutil.which("jq"):
        raise Skip("jq is missing")
    data = told(scene, "--json", "-e", texts=TEXTS,
                orders=["/peers", "/whoami", "/help", "/echo é"])
    answer = jq("[.type, (.text|type)]", data).decode().splitlines()
    assert len(answer) == data.count(b"\n")
    assert answer.count('["message","string"]') == len(TEXTS)
    assert answer.count('["event","null"]') >= 1
    assert answer.count('["reply","null"]') >= 1 and answer.count('["reply","string"]') > 10
    texts = jq('select(.type == "message" and .text_base64 == null) | .text', data, "-r")
    assert texts == b"".join(text + b"\n" for text in TEXTS
                             if "\ufffd" not in text.decode("utf-8", "replace"))


@test("--json: the keys of events and replies, and numbers where numbers are meant")
def json_keys(scene):
    node = scene.node("alice", "--json", "-e")
    node.free_form = True
    session = scene.session(node, identity=Identity("carol", node="carolsnode"))
    session.msg("to you")
    session.send("/name cora")
    session.ping("marker")
    node.send("/peers", "/whoami", "/msg cora hi", "/outbox", "/echo done")
    node.expect('{"type":"reply","command":"echo","text":"done"}')
    node.expect(re.compile('"event":"sent"'))
    records = [json.loads(line) for line in node.out.items()]
    up, message, name, peers, whoami, *rest = records
    assert list(up) == EVENT_KEYS, up
    assert (up["event"], up["name"], up["node"]) == ("up", "carol", "carolsnode")
    assert list(message) == MESSAGE_KEYS and message["id"].startswith("carolsnode.")
    assert list(name)[-2:] == ["plain", "former"]
    assert (name["name"], name["former"]) == ("cora", "carol")
    assert list(peers) == [*REPLY_KEYS, "address", "name", "plain", "dialect", "state", "rtt_ms",
                           "seen", "key"]
    assert [record["plain"] for record in (up, message, name, peers)] == [True] * 4
    assert peers["dialect"] == "session" and peers["key"] == "plain"
    assert isinstance(peers["rtt_ms"], (int, float, type(None)))
    assert list(whoami) == [*REPLY_KEYS, "name", "node", "addresses"]
    assert node.address in whoami["addresses"]
    sent = [r for r in rest if r.get("event") == "sent"]
    assert list(sent[0]) == [*EVENT_KEYS, "id"]
    outbox = [r for r in rest if r.get("command") == "outbox"]
    assert [(r["lines"], type(r["bytes"]), r["plain"]) for r in outbox] == [(1, int, True)], outbox


@test("--json: a line that was lost is a reply with its result and cause")
def json_failed(scene):
    port = scene.ports(1)[0]
    order = f"/msg 127.0.0.1:{port} hi\n"
    node = scene.run("alice", "--json", "-q", "--drain", "1", stdin=order.encode())
    node.free_form = True
    assert node.wait() == 3
    lost = json.loads(node.out.items()[0])
    assert list(lost) == [*REPLY_KEYS, "result", "address", "name", "plain", "cause"], lost
    assert (lost["command"], lost["result"], lost["name"]) == ("msg", "failed", None)
    assert lost["address"] == f"127.0.0.1:{port}" and lost["cause"]


@test("--json: what is not known of a plain peer is null; in a format it is a dash")
def plain_peer(scene):
    node = scene.node("alice", "--json")
    node.free_form = True
    send_once(node.address, "127.0.0.1:9 all hello")
    record = json.loads(node.expect(re.compile('"text":"hello"')))
    assert [record[key] for key in ("name", "node", "id", "kind")] == [None, None, None, "bcast"]
    node = scene.node("bob", "-F", "%n|%N|%i|%k|%a|%p")
    node.free_form = True
    send_once(node.address, "127.0.0.1:9 all hello")
    node.expect("-|-|-|bcast|127.0.0.1:9|hello")


@test("a format: each field says what it should, and the id is the one of the sender's receipt")
def fields(scene):
    bob = scene.node("bob", "-F", "%a %n %N %k %l %i %t %U %%")
    bob.free_form = True
    alice = scene.node("alice", "-e")
    before = time.time()
    alice.connect(bob.address)
    alice.send(f"/msg {bob.address} zoë")
    line = bob.expect(re.compile(" msg "))
    address, name, node, kind, length, ident, moment, seconds, percent = line.split(" ")
    assert (address, name, kind, length, percent) == (alice.address, "alice", "msg", "4", "%")
    assert ident.startswith(node + ".")
    alice.expect(f"* delivered {ident} {bob.address}")
    assert re.fullmatch(r"\d{10,}\.\d{6}", seconds)
    assert before <= float(seconds) <= time.time()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", moment)
    assert calendar.timegm(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) == int(float(seconds))


@test("a format: widths, alignment, zeros and precision")
def layout(scene):
    data = told(scene, "-F", r"%-8n|%8k|%05l|%.3p|%-6.2p|", texts=["hëllo".encode(), b""])
    assert data.decode() == ("alice   |     msg|00006|hël|hë    |\n"
                             "alice   |     msg|00000||      |\n")


@test("a format does not touch replies and events")
def replies_keep_their_form(scene):
    data = told(scene, "-F", "<%p>", "-e", texts=[b"a"], orders=["/echo  b"])
    data = data.decode().splitlines()
    assert "<a>" in data and "/echo  b" in data
    assert re.fullmatch(r"\* up 127\.0\.0\.1:\d+ alice", data[0])


@test("records are out at the end of the turn in which they came")
def flushed(scene):
    for options in (["-F", "%p"], ["--json"], ["--timestamps"], ["-0"], ["-0", "--json"]):
        path = scene.path("heard")
        with open(path, "wb") as file:
            node = scene.node("alice", *options, stdout=file.fileno())
        for text in ("first", "second"):
            scene.session(node, "carol").msg(text)
            wait_until(lambda: text in read(path), f"{text} is out with {options}")
            assert read(path)[-1] == ("\0" if "-0" in options else "\n")


@test("--timestamps: each message begins with its time, in the zone of TZ; the rest stays")
def timestamps(scene):
    for ids in ([], ["--ids"]):
        data = told(scene, "--timestamps", *ids, texts=[b"a  b", b""], orders=["/echo x"],
                    env={"TZ": "XXX-05:30"})
        *messages, reply = data.decode().splitlines()
        assert reply == "/echo x" and len(messages) == 2
        for message, text in zip(messages, ("a  b", "")):
            moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30"
            ident = r"\S+\.\d+\.\d+ " if ids else ""
            pattern = rf"{moment} 127\.0\.0\.1:\d+ alice {ident}{text}"
            assert re.fullmatch(pattern, message), message


@test("a wrong format is one line that names the place, and exit 2")
def wrong_format(scene):
    for text, place in (("%q", "byte 1"), ("a %n %", "byte 6"), ("\\x", "byte 1"),
                        ("%1001n", "byte 1"), ("%k" * 65, "byte 129"), ("%.n", "byte 1"),
                        ("\x1b%q", "byte 2")):
        node = scene.run("alice", "-F", text)
        assert node.wait() == 2 and len(node.err) == 1 and place in node.errors(), node.errors()
        assert "\x1b" not in node.errors()
    assert scene.run("alice", "--format").wait() == 2


@test("what would say the same twice excludes each other: one line, exit 2")
def exclusive(scene):
    for options in (["--json", "-F", "%p"], ["--ids", "--json"], ["-F", "%p", "--ids"],
                    ["--timestamps", "--json"], ["-F", "%p", "--timestamps"]):
        node = scene.run("alice", *options)
        assert node.wait() == 2 and len(node.err) == 1, node.errors()
        assert all(option in node.errors() for option in options if option.startswith("--"))


@test("on a terminal nothing comes raw out of a format or JSON, and -0 leaves lines")
def on_a_terminal(scene):
    hostile = "\x1b[2J\x7f\u202eend"
    for options, wanted in ((["-F", "<%n|%p>", "-0"], rb"<carol|\x1b[2J\x7f\u{202e}end>"),
                            (["--json", "-0"], rb'"text":"\u001B[2J\u007F\u202Eend"}')):
        node, seen = screen(scene, *options)
        scene.session(node, "carol").msg(hostile)
        wait_until(lambda: b"end" in seen(), "the text is shown")
        assert wanted + b"\r\n" in seen(), seen()
        assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xff]", seen()), seen()


@test("on a terminal --timestamps shows the date and seconds")
def timestamps_on_a_terminal(scene):
    node, seen = screen(scene, "--timestamps")
    scene.session(node, "carol").msg("hello")
    wait_until(lambda: b"hello" in seen(), "the text is shown")
    moment = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.search(moment + rb" !carol \xe2\x86\x92 you: hello\r\n", seen()), seen()


if __name__ == "__main__":
    main()
