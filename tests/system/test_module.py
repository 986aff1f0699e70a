#!/usr/bin/env python3
"""Modules that are built outside the tree: against the installed headers alone, loaded from a folder, refused with one
clear line when they do not fit.

The server is installed into a folder. contrib/welcome is copied away from the sources, built there with its own
Makefile and installed; the module of README.md is built as the README says.
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

import bongsu.server
from bongsu import WAIT, Server, check, run

SOURCE, BUILD = Path(os.environ["BONGSU_SOURCE"]), Path(os.environ["BONGSU_BUILD"])
STAGE = Path("stage").resolve()
ENV = {name: value for name, value in os.environ.items() if name not in ("CFLAGS", "CPPFLAGS", "C_INCLUDE_PATH")}


def command(*words, cwd=None):
    return subprocess.run([str(w) for w in words], cwd=cwd, env=ENV, capture_output=True, text=True, timeout=4 * WAIT,
                          check=False)


def must(what, done):
    return check(what, done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:])


def pkg_config(*words):
    return command("pkg-config", *words, "bongsu").stdout.strip()


def install():
    """make install below a folder: programs, headers, pkg-config's file."""
    must("the server is installed", command("make", "-s", "-C", BUILD, "install", f"DESTDIR={STAGE}"))
    pc = next(STAGE.rglob("bongsu.pc"))
    ENV.update(PKG_CONFIG_PATH=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(STAGE))
    flags = pkg_config("--cflags").split()
    folders = [f[2:] for f in flags if f.startswith("-I")]
    check("pkg-config names only installed headers", folders and all(Path(f).is_dir() and STAGE in Path(f).parents
                                                                     for f in folders), flags)
    folder = Path(pkg_config("--variable=moduledir"))  # newer ones put the folder before it
    return next(STAGE.rglob("bongsud")), folder if STAGE in folder.parents else STAGE / str(folder).lstrip("/")


def refused(bongsud, server, what, *patterns):
    """The server does not start, and one line says why."""
    done = command(bongsud, "--config", server.path)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if " error " in line or line.startswith("bongsud: ")]
    check(f"{what}: the server does not start", done.returncode == 1, done)
    check(f"{what}: one line says why", len(errors) == 1 and all(re.search(p, errors[0]) for p in patterns), done)


def welcome(bongsud, folder, compiler):
    shutil.copytree(SOURCE / "contrib/welcome", "welcome")
    must("contrib/welcome is built outside the tree", command("make", f"CC={compiler}", "CFLAGS=-Wall -Wextra -Werror",
                                                              cwd="welcome"))
    must("and installed", command("make", f"CC={compiler}", "install", f"DESTDIR={STAGE}", cwd="welcome"))
    check("into the folder of modules", (folder / "welcome.so").is_file())
    with Server("welcome", modules_dir=str(folder), modules={"welcome": {"text": "\uc5b4\uc11c \uc624\uc138\uc694"}}) as server:
        server.register("alice")
        alice = server.login("alice")
        alice.available()
        got = alice.wait(lambda e: e.name == "message")
        check("a new account is greeted", got.get("from") == "localhost" and
              got.text("c:body") == "\uc5b4\uc11c \uc624\uc138\uc694", got)
        server.configure(modules={"welcome": {"text": "Hello"}})
        check("its options are reloaded", server.reload().code == 0)
        server.register("bob")
        bob = server.login("bob")
        bob.available()
        check("and count", bob.wait(lambda e: e.name == "message").text("c:body") == "Hello")
        server.configure(modules={"welcome": {"text": 5, "txet": "x"}})
        told = server.reload()
        check("its options are checked", told.code == 1 and "txet" in told.err, told)
        server.configure(modules={"welcome": False})
        check("it can be off", server.reload().code == 0)
        server.register("carol")
        carol = server.login("carol")
        carol.available()
        check("and says nothing then", not [e for e in carol.sync().take() if e.name == "message"])
        server.stop()


def readme(folder, compiler):
    """The module that README.md shows is ours, and is one file that works outside the tree as well."""
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```c\n(.*?)```", text, re.S)[1]
    check("README.md shows modules/ping.c", code == (SOURCE / "modules/ping.c").read_text(encoding="utf-8"))
    Path("pong.c").write_text(re.sub(r"NS_PING", '"urn:test:pong"', code.replace("(ping)", "(pong)")), encoding="utf-8")
    line = re.search(r"^ +(cc -shared .* -o )hello\.so hello\.c$", text, re.M)[1]
    must("it is built as README.md says", command("sh", "-c", line.replace("cc ", f"{compiler} ", 1) + "pong.so pong.c"))
    shutil.copy("pong.so", folder / "mod_pong.so")
    with Server("readme", modules_dir=str(folder)) as server:
        server.register("dave")
        dave = server.login("dave")
        check("and answers", dave.ask("get", "<ping xmlns='urn:test:pong'/>", to="localhost").get("type") == "result")
        info = dave.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
        check("and is announced", "var='urn:test:pong'" in info.raw, info)


def misfits(bongsud, folder, compiler):
    source = (SOURCE / "contrib/welcome/welcome.c").read_text(encoding="utf-8")
    include = '#include "module/module.h"\n'

    def build(name, text):
        """Alone in a folder."""
        place = Path(f"misfit-{name}")
        place.mkdir()
        Path("misfit.c").write_text(text, encoding="utf-8")
        must(f"{name} is built", command("sh", "-c", f"{compiler} -shared -fPIC `pkg-config --cflags bongsu` -o "
                                         f"{place}/{name}.so misfit.c"))
        return Server("misfit", modules_dir=str(place.resolve()))

    refused(bongsud, build("welcome", source.replace(include, include + "#undef MODULE_ABI\n#define MODULE_ABI 9999\n")),
            "another version of the interface", r"welcome\.so", "version 9999", "build it again")
    refused(bongsud, build("other", source), "another name", r"other\.so", "module_other")
    refused(bongsud, build("ping", source.replace("(welcome)", "(ping)")), "a name that is taken", r"ping\.so", "already")
    refused(bongsud, build("hole", source + "\nvoid nowhere(void);\nvoid *hole(void);\nvoid *hole(void)\n"
                           "{\n\treturn (void *)nowhere;\n}\n"), "a missing function", r"hole\.so", "nowhere")
    Path("misfit-text").mkdir()
    Path("misfit-text/text.so").write_text("text", encoding="utf-8")
    refused(bongsud, Server("misfit", modules_dir=str(Path("misfit-text").resolve())), "no shared object", r"text\.so")
    refused(bongsud, Server("misfit", modules_dir="/nowhere"), "no folder", "/nowhere", "No such file")


def modules():
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), "cc")
    bongsud, folder = install()
    bongsu.server.BONGSUD = str(bongsud)
    folder.mkdir(parents=True, exist_ok=True)
    welcome(bongsud, folder, compiler)
    readme(folder, compiler)
    misfits(bongsud, folder, compiler)


run(modules)
