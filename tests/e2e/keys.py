#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node's key and its group's secret come from: made, named, handed over. What cannot be
believed ends the start, and what was there is never written over."""

import base64
import hashlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess

from hashflow_test import Skip, main, test

FINGERPRINT = re.compile(r"[a-z2-7]{52}")
SECRETS = [base64.b32encode(bytes([number]) * 32).decode().rstrip("=").lower()
           for number in range(2)]


def openssl(*words, data=None):
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed")
    return subprocess.run(["openssl", *words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


def fingerprint(path):
    """As others compute it: SHA-256 of the public half in DER."""
    public = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    digest = base64.b32encode(hashlib.sha256(public).digest())
    return digest.decode().rstrip("=").lower()


def own_key(scene, name="own.pem", kind="ed25519"):
    path = scene.path(name)
    openssl("genpkey", "-algorithm", kind, "-out", path)
    os.chmod(path, 0o600)
    return path


def node_id(node):
    node.send("/whoami")
    found = node.expect(re.compile(r"/whoami .*")).split()[2]
    assert FINGERPRINT.fullmatch(found), found
    return found


def id_of_run(scene, *options, **more):
    """Of a node that is started with the options and ends."""
    node = scene.node("alice", *options, **more)
    found = node_id(node)
    assert node.finish() == 0
    return found


def write(path, text, mode=0o600):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def refused(scene, status, because, *options, **more):
    node = scene.run("alice", *options, **more)
    assert node.wait() == status, node.wait()
    assert not node.out.items() and len(node.err.items()) == 1, node.errors()
    assert re.search(because, node.err.items()[0]), node.errors()
    assert not any(secret in node.err.items()[0] for secret in SECRETS)


@test("a node is known by its key: /whoami shows what openssl computes, and the next run the same")
def kept(scene):
    folder = scene.path("alice")
    key = os.path.join(folder, "key.pem")
    first = id_of_run(scene, "--state", folder)
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert fingerprint(key) == first
    assert id_of_run(scene, "--state", folder) == first
    assert id_of_run(scene, "--state", scene.path("bob")) != first


@test("without a state folder each run has a key of its own, and nothing is written")
def of_one_run(scene):
    home = scene.home()
    ids = {id_of_run(scene, *options, home=home) for options in ((), (), ("--no-store",))}
    assert len(ids) == 3
    assert os.listdir(home) == []


@test("--key names the key, with a state folder and without, as a file and as a descriptor")
def named(scene):
    key = own_key(scene)
    expected = fingerprint(key)
    folder = scene.path("alice")
    assert id_of_run(scene, "--key", key) == expected
    assert id_of_run(scene, "--key", key, "--state", folder) == expected
    assert not os.path.exists(os.path.join(folder, "key.pem"))
    with open(key, "rb") as file:
        number = file.fileno()
        assert id_of_run(scene, "--key", f"/dev/fd/{number}", pass_fds=[number]) == expected


@test("a descriptor that was not handed over is none of our own")
def descriptor(scene):
    for number in range(3, 12):
        for option in ("--key", "--group"):
            refused(scene, 2, "/dev/fd/", option, f"/dev/fd/{number}", "--state", scene.path("s"))


@test("a --key that others may have read, that is a link, missing or no key of ours is refused")
def unbelievable(scene):
    key = own_key(scene)
    link = scene.path("link")
    os.symlink(key, link)
    write(scene.path("text"), "key\n")
    locked = openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret").decode()
    write(scene.path("locked"), locked)
    for path, because in ((link, "link"), (scene.path("missing"), "genpkey"),
                          (scene.path("text"), "no private key"),
                          (scene.path("locked"), "passphrase"), (scene.dir, "not a file"),
                          (own_key(scene, "ec.pem", "x25519"), "another kind"),
                          ("/dev/zero", "not a file")):
        refused(scene, 2, because, "--key", path)
    os.chmod(key, 0o640)
    refused(scene, 2, "chmod 600", "--key", key)


@test("a damaged or open key.pem ends the start and stays as it is")
def damaged(scene):
    folder = scene.path("alice")
    key = os.path.join(folder, "key.pem")
    first = id_of_run(scene, "--state", folder)
    whole = read(key)
    os.chmod(key, 0o644)
    refused(scene, 1, "chmod 600", "--state", folder)
    for text in ("", whole[:len(whole) // 2], "x" * 5000):
        write(key, text)
        refused(scene, 1, re.escape(key), "--state", folder)
        assert read(key) == text
    write(key, whole)
    assert id_of_run(scene, "--state", folder) == first


@test("a lost key.pem is told once, and the node is another one")
def lost(scene):
    folder = scene.path("alice")
    first = id_of_run(scene, "--state", folder)
    os.unlink(os.path.join(folder, "key.pem"))
    node = scene.node("alice", "--state", folder)
    node.complains(re.compile("another key"))
    second = node_id(node)
    assert second != first and node.finish() == 0
    node = scene.node("alice", "--state", folder)
    assert node_id(node) == second and node.finish() == 0
    assert not [line for line in node.err.items() if "another key" in line]


def setting(folder, name):
    with sqlite3.connect(os.path.join(folder, "hashflow.db")) as db:
        row = db.execute("SELECT value FROM settings WHERE key = ?", [name]).fetchone()
    db.close()
    return row and row[0]


@test("a folder from before there were keys remembers the id that others know it by")
def moved_over(scene):
    folder = scene.path("alice")
    id_of_run(scene, "--state", folder)
    assert setting(folder, "was") is None, "nobody knows a new folder by that id"
    os.unlink(os.path.join(folder, "key.pem"))
    with sqlite3.connect(os.path.join(folder, "hashflow.db")) as db:
        db.execute("DELETE FROM settings WHERE key = 'key'")
    db.close()
    first = id_of_run(scene, "--state", folder)
    assert setting(folder, "was") == read(os.path.join(folder, "node")).strip()
    assert id_of_run(scene, "--state", folder) == first
    assert setting(folder, "was") == read(os.path.join(folder, "node")).strip()


@test("what the machine's openssl.cnf says is nothing to us")
def machine(scene):
    config = scene.path("openssl.cnf")
    write(config, "openssl_conf = a\n[a]\nalg_section = b\n[b]\ndefault_properties = fips=yes\n")
    folder = scene.path("alice")
    first = id_of_run(scene, "--state", folder)
    assert id_of_run(scene, "--state", folder, env={"OPENSSL_CONF": config}) == first


@test("a --group that is missing, empty, wrong or open to others ends the start")
def wrong_group(scene):
    path = scene.path("secret")
    refused(scene, 2, "No such file", "--group", path)
    for text in ("", "\n", "secret\n", SECRETS[0][:-1] + "\n", SECRETS[0] + "\nsecret\n",
                 "".join(secret + "\n" for secret in SECRETS + SECRETS[:1])):
        write(path, text)
        refused(scene, 2, re.escape(path), "--group", path)
    write(path, SECRETS[0] + "\n", 0o644)
    refused(scene, 2, "chmod 600", "--group", path)


@test("a group file in the folder that is wrong ends the start and stays: no door is opened")
def damaged_group(scene):
    folder = scene.path("alice")
    path = os.path.join(folder, "group")
    id_of_run(scene, "--state", folder)
    for text in ("", "\n", SECRETS[0] + "x\n"):
        write(path, text)
        refused(scene, 1, re.escape(path), "--state", folder)
        assert read(path) == text


@test("a secret from a descriptor is put into the state folder, one from a file stays there")
def provisioned(scene):
    path = scene.path("secret")
    write(path, SECRETS[0] + "\n")
    folder = scene.path("alice")
    kept_at = os.path.join(folder, "group")
    id_of_run(scene, "--state", folder, "--group", path)
    assert not os.path.exists(kept_at)
    with open(path, "rb") as file:
        number = file.fileno()
        id_of_run(scene, "--state", folder, "--group", f"/dev/fd/{number}", pass_fds=[number])
    assert read(kept_at) == SECRETS[0] + "\n"
    assert stat.S_IMODE(os.stat(kept_at).st_mode) == 0o600


@test("nodes with one secret talk however it came to them; one with another is not let in")
def one_group(scene):
    paths = [scene.path(f"secret{number}") for number in range(2)]
    for path, secret in zip(paths, SECRETS):
        write(path, secret + "\n")
    alice = scene.node("alice", "-e", "--group", paths[0])
    with open(paths[0], "rb") as file:
        number = file.fileno()
        bob = scene.node("bob", "--group", f"/dev/fd/{number}", alice.address, pass_fds=[number])
    bob.send("/bcast one of us")
    alice.hears("one of us", "bob")
    stranger = scene.run("eve", "--group", paths[1], alice.address, stdin=b"let me in\n")
    assert stranger.wait() == 5, stranger.errors()
    assert alice.texts() == ["one of us"]


if __name__ == "__main__":
    main()
