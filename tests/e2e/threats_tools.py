#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinions: openssl s_client, openssl s_server and gnutls-cli complete the handshake, see
the same fingerprints, and compute the same exporter: with a proof made of it they are members."""

import hashlib
import re
import shutil
import subprocess

from hashflow_test import Skip, dead_address, main, test
from hashflow_test.sockets import free_port, split_address
from hashflow_test.tls import Stranger, base32, make_proof, write_group

GROUP = bytes(range(32))
LABEL = "EXPORTER-Channel-Binding"
GNUTLS_KEY = re.compile(r"^\s*sha256:([0-9a-f]{64})$")
MATERIAL = re.compile("Key(ing)? material: ([0-9A-Fa-f]{64})$")


def need(tool):
    if not shutil.which(tool):
        raise Skip(f"{tool} is missing")


def closed(scene, *options):
    write_group(scene.path("alice"), GROUP)
    return scene.node("alice", "--state", scene.path("alice"), "-e", *options)


def key_of(node):
    return node.ask("/whoami")[0].split(" ")[2]


def openssl(*words, data=None):
    done = subprocess.run(["openssl", *words], input=data, capture_output=True, timeout=20,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fingerprint_of(certificate):
    """As the manual has it, of a certificate in PEM."""
    public = openssl("x509", "-pubkey", "-noout", data=certificate)
    return base32(hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER",
                                         data=public)).digest())


class Own:
    """A key and a certificate by openssl, and the peer that they are."""

    def __init__(self, scene, name="carol"):
        need("openssl")
        self.key, self.certificate = scene.path("own.pem"), scene.path("own.crt")
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.key)
        openssl("req", "-new", "-x509", "-key", self.key, "-subj", "/CN=own", "-days", "1", "-out",
                self.certificate)
        with open(self.certificate, "rb") as file:
            self.fingerprint = fingerprint_of(file.read())
        self.identity = Stranger(name, dead_address())
        self.identity.node = self.fingerprint


def shown_certificate(tool):
    """The first one that it prints."""
    end = tool.out.wait_at("-----END CERTIFICATE-----")[0]
    lines = tool.out.items()[:end + 1]
    begin = lines.index("-----BEGIN CERTIFICATE-----")
    return "\n".join(lines[begin:] + [""]).encode()


def exporter_of(tool):
    return bytes.fromhex(MATERIAL.search(tool.out.wait(MATERIAL))[2])


def s_client(scene, own, address, *options):
    return scene.process("openssl", "s_client", "-connect", address, "-tls1_3", "-alpn",
                         "hashflow/1", "-cert", own.certificate, "-key", own.key, "-keymatexport",
                         LABEL, "-keymatexportlen", 32, "-ign_eof", *options)


def converses(node, tool, own, proof, theirs):
    """It says /hello with that proof, is answered with the right one, and is a peer like others."""
    tool.send(own.identity.hello(f" proof={proof}"))
    answer = tool.out.wait(re.compile("^/(hello 1|error) "))
    assert f" proof={theirs}" in answer, answer
    epoch = re.search(r" epoch=([0-9]+)", answer)[1]
    node.expect(f"* up {own.identity.address} {own.identity.name}")
    tool.send(f"/resume {epoch} 0", "/msg 1 from another program")
    node.hears("from another program", own.identity.name)
    node.send(f"/msg {own.identity.name} and back")
    tool.out.wait(re.compile("^/msg [0-9]+ and back$"))


@test("openssl s_client sees our fingerprint, and with the exporter that it prints it is a member")
def openssl_client(scene):
    own, alice = Own(scene), closed(scene)
    tool = s_client(scene, own, alice.address)
    key, exporter = key_of(alice), exporter_of(tool)
    assert fingerprint_of(shown_certificate(tool)) == key
    ends = own.fingerprint, key, exporter
    converses(alice, tool, own, make_proof(GROUP, "group", "dial", *ends),
              make_proof(GROUP, "group", "answer", *ends))


@test("with another exporter, openssl s_client is a stranger (so the one before can fail)")
def openssl_stranger(scene):
    own, alice = Own(scene), closed(scene)
    other = exporter_of(s_client(scene, own, alice.address))
    tool = s_client(scene, own, alice.address)
    assert exporter_of(tool) != other
    proof = make_proof(GROUP, "group", "dial", own.fingerprint, key_of(alice), other)
    tool.send(own.identity.hello(f" proof={proof}"))
    tool.out.wait(re.compile("^/error closed "))


@test("openssl s_client gets in neither with older TLS, without a certificate, nor with RSA")
def openssl_refused(scene):
    own, alice = Own(scene), closed(scene)
    rsa, certificate = scene.path("rsa.pem"), scene.path("rsa.crt")
    openssl("req", "-new", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", rsa, "-subj",
            "/CN=rsa", "-days", "1", "-out", certificate)
    for options in (["-tls1_2", "-cert", own.certificate, "-key", own.key], ["-tls1_3"],
                    ["-tls1_3", "-cert", certificate, "-key", rsa]):
        tool = scene.process("openssl", "s_client", "-connect", alice.address, "-alpn",
                             "hashflow/1", "-quiet", *options)
        tool.send(own.identity.hello())
        tool.out.wait_closed()
        assert not [line for line in tool.out.items() if line.startswith("/hello")], options
    assert not alice.events()


@test("openssl s_server sees our fingerprint, and proves with its exporter that it belongs")
def openssl_server(scene):
    own, alice, port = Own(scene, "bob"), closed(scene), free_port()
    address = f"127.0.0.1:{port}"
    own.identity.address = address
    tool = scene.process("openssl", "s_server", "-accept", address, "-tls1_3", "-alpn",
                         "hashflow/1", "-cert", own.certificate, "-key", own.key, "-Verify", 1,
                         "-keymatexport", LABEL, "-keymatexportlen", 32)
    tool.out.wait("ACCEPT")
    key = key_of(alice)
    alice.send(f"/msg {address} for a member", f"/connect {address}")
    ends = key, own.fingerprint, exporter_of(tool)
    hello = tool.out.wait(re.compile("^/hello 1 "))
    assert f" node={key} " in hello
    assert f" proof={make_proof(GROUP, 'group', 'dial', *ends)}" in hello
    assert fingerprint_of(shown_certificate(tool)) == key
    tool.send(own.identity.hello(f" proof={make_proof(GROUP, 'group', 'answer', *ends)}"))
    alice.expect(f"* up {address} bob")
    epoch = re.search(r" epoch=([0-9]+)", hello)[1]
    tool.send(f"/resume {epoch} 0")
    tool.out.wait(re.compile("^/msg [0-9]+ for a member$"))


@test("gnutls-cli completes the handshake, sees our fingerprint, and is a member by its exporter")
def gnutls_client(scene):
    need("gnutls-cli")
    own, alice = Own(scene), closed(scene)
    host, port = split_address(alice.address)
    tool = scene.process("gnutls-cli", "--insecure", "--alpn", "hashflow/1", "--x509keyfile",
                         own.key, "--x509certfile", own.certificate, "--keymatexport", LABEL,
                         "--keymatexportsize", 32, "--port", port, host)
    tool.out.wait(re.compile("Handshake was completed"))
    key = key_of(alice)
    seen = GNUTLS_KEY.search(tool.out.wait(GNUTLS_KEY))[1]
    assert base32(bytes.fromhex(seen)) == key
    ends = own.fingerprint, key, exporter_of(tool)
    converses(alice, tool, own, make_proof(GROUP, "group", "dial", *ends),
              make_proof(GROUP, "group", "answer", *ends))


if __name__ == "__main__":
    main()
