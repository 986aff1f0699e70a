#!/usr/bin/env python3
"""What the pages say is tried: commands, options, pieces of configuration, programs of the tree and names of files.

A command of `bongsuctl` in README.md, docs, the manual pages or an example of the reference is run against a server, as it
stands; it may fail, since nobody made what it speaks of, but its name and arguments must be understood. Words in capitals, and
addresses of others, stand for something and are replaced first.
"""
import os
import re
import shlex
import subprocess
from pathlib import Path

from bongsu import WAIT, Server, check, run
from bongsu.server import BONGSUCTL, BONGSUD

SOURCE = Path(os.environ["BONGSU_SOURCE"])
PAGES = ["README.md", *(f"docs/{name}.md" for name in ("architecture", "operations", "reliability", "performance", "CONTRIBUTING")),
         "sql/README.md", "docs/reference/commands.md", "docs/man/bongsuctl.8", "docs/man/bongsud.8", "docs/man/bongsu.yml.5",
         *sorted(str(p.relative_to(SOURCE)) for p in (SOURCE / "docs/decisions").glob("*.md"))]
STAND_INS = {"NAME": "register", "ID": "some-id", "FILE": "bongsu.yml", "HOST:PORT": "127.0.0.1:1", "connect=HOST:PORT":
             "connect=127.0.0.1:1", "ca=FILE": "ca=cert.pem", "connect=192.0.2.10:443": "connect=127.0.0.1:1"}
# Said of other programs, of what is not there on purpose, or of words that look like ours.
OF_OTHERS = {"check_password_hash", "export_piefxis", "mod_storage_xep0227"}
FENCED = r"^ *```(\w*)\n(.*?)^ *```$"
ENDINGS = ("stop", "restart")  # after them there is nobody to ask; other tests try them
server = Server("docs", hosts=["example.org", "localhost"])


# ---- what the pages hold


def text_of(page):
    return (SOURCE / page).read_text(encoding="utf-8")


def blocks_of(page):
    """[(language, text)] of what is set apart."""
    text = text_of(page)
    if page.endswith(".md"):
        fenced = re.findall(FENCED, text, re.M | re.S)
        plain = re.sub(FENCED, "", text, flags=re.M | re.S)
        indented = re.findall(r"(?:^\n)((?:^    .*\n|^\n(?=    ))+)", plain, re.M)
        return fenced + [("", re.sub(r"^    ", "", block, flags=re.M)) for block in indented]
    return [("", block) for block in re.findall(r"^\.Bd .*?\n(.*?)^\.Ed$", text, re.M | re.S) + re.findall(r"^\.Dl (.*)$", text, re.M)]


def inline_of(page):
    """What is set as code within a line."""
    text = text_of(page)
    if page.endswith(".md"):
        text = re.sub(FENCED, "", text, flags=re.M | re.S)
        return [re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", text)]
    quoted = re.findall(r"^\.(?:Ql|Cm) (.*)$", text, re.M)
    return [part for line in quoted for part in re.sub(r" [.,:;]$", "", line).split(" , ")]


def words(text):
    try:
        return [STAND_INS.get(word, word) for word in shlex.split(text)]
    except ValueError:
        return []


def calls():
    """{words of a call of bongsuctl: pages}; inside of a text a command may stand without the program's name."""
    names, found = known_commands(), {}
    for page in PAGES:
        lines = [words(line) for _, block in blocks_of(page) for line in block.splitlines()]
        lines += [words(code) for code in inline_of(page)]
        for line in lines:
            if line[:1] == ["bongsuctl"]:
                line = line[1:]
            elif page == "docs/reference/commands.md" or line[:1] and line[0] not in names or len(line) < 2:
                continue  # there it is how the arguments are called; elsewhere a name alone may be another's
            if line and not line[0].startswith("-") and line[0] != "COMMAND":
                found.setdefault(tuple(line), []).append(page)
    return found


def printed(page):
    return subprocess.run([BONGSUD, f"--print={page}"], capture_output=True, text=True, timeout=WAIT, check=True).stdout


def known_commands():
    return {*re.findall(r"^### (\w+)$", printed("commands"), re.M), "help", "complete", "check_web"}


# ---- they are tried


def help_knows(name):
    return server.ctl("help", name).code == 0


def is_understood(call):
    """A command that is only named is asked for its help, if it needs arguments."""
    if call[0] in ENDINGS:
        return help_knows(call[0]), "help does not know it"
    if call[0] == "check_web" and not any(word.startswith("connect=") for word in call):
        call = (*call, "connect=127.0.0.1:1")  # nobody else's server is asked
    done = server.ctl(*call, stdin="secret\n")
    return done.code in (0, 1) or (len(call) == 1 and help_knows(call[0])), done


def commands():
    server.start()
    server.register("alice", "bob")
    found = calls()
    for call, pages in found.items():
        fine, what = is_understood(call)
        if not fine:
            check(f"{', '.join(pages)}: bongsuctl {shlex.join(call)}", False, what)
    check("many calls were tried", len(found) > 100, len(found))
    missing = known_commands() - {call[0] for call, pages in found.items() if "docs/reference/commands.md" in pages}
    check("each command has an example", not missing - {"help", "complete"}, missing)
    check("the server is there yet", server.ctl("status").code == 0)
    server.stop()


def names():
    """Names with underscores are commands, options, or something else that the programs print."""
    vocabulary = set(re.findall(r"\w+", "".join(printed(page) for page in ("commands", "config", "modules", "metrics"))))
    for page in ("README.md", "docs/operations.md", "docs/man/bongsuctl.8", "docs/man/bongsud.8"):
        found = {word for code in inline_of(page) for word in re.findall(r"(?<![\w/.*])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/.*])", code)}
        unknown = found - vocabulary - OF_OTHERS - {f for f in found if f.startswith("innodb_")}
        check(f"{page}: names are known", not unknown, unknown)


def options():
    """Options of our programs are in their help."""
    help_of = {program: subprocess.run([program, "--help"], capture_output=True, text=True, timeout=WAIT, check=True).stdout
               for program in (BONGSUD, BONGSUCTL)}
    count = 0
    for page in PAGES:
        for code in inline_of(page) + [line.strip() for _, block in blocks_of(page) for line in block.splitlines()]:
            for name, program in (("bongsud", BONGSUD), ("bongsuctl", BONGSUCTL)):
                if code.split(" ")[0] != name:
                    continue
                for option in re.findall(r" (--[a-z-]+)", code):
                    count += 1
                    if option not in help_of[program]:
                        check(f"{page}: {code}", False, f"{name} has no {option}")
        if page.endswith(".8"):
            program = BONGSUD if "bongsud" in page else BONGSUCTL
            for option in set(re.findall(r"Fl Fl (\w+)", text_of(page))):
                count += 1
                if f"--{option}" not in help_of[program]:
                    check(f"{page}: --{option}", False, "its help does not know that")
            missing = set(re.findall(r"^  (--[a-z]+)", help_of[program], re.M)) - {
                f"--{o}" for o in re.findall(r"Fl Fl (\w+)", text_of(page))}
            check(f"{page}: says what all options are for", not missing, missing)
    check("options were looked at", count > 10, count)


# ---- configuration


def complaint(text):
    """What bongsud --check says of a configuration with that in it; nothing if it is good."""
    sections = set(re.findall(r"^(\w+):", text, re.M))
    base = {"hosts": "[example.org]", "tls": "{certificate: cert.pem}", "data_dir": "data"}
    text = re.sub(r"[\w./-]+\.(?:pem|key)", "cert.pem", text).replace("/var/lib/bongsu-web", "web")
    text = "".join(f"{k}: {v}\n" for k, v in base.items() if k not in sections) + text
    Path("try.yml").write_text(text, encoding="utf-8")
    done = subprocess.run([BONGSUD, "--config", "try.yml", "--check"], capture_output=True, text=True, timeout=WAIT, check=False)
    return done.returncode and done.stdout + done.stderr


def configuration():
    """Pieces of bongsu.yml are good, and options that are named with their section are there."""
    Path("web").mkdir(exist_ok=True)
    Path("web/index.html").write_text("<!DOCTYPE html>", encoding="ascii")
    Path("db-password").write_text("secret", encoding="ascii")
    sections = {}
    for title, body in re.findall(r"^## (?:modules\.)?(\w+)\n(.*?)(?=^## |\Z)", printed("config"), re.M | re.S):
        sections[title] = set(re.findall(r"^\| `(\w+)` ", body, re.M))
    count = 0
    for page in ("README.md", "docs/operations.md", "docs/reliability.md", "docs/performance.md", "docs/man/bongsu.yml.5"):
        pieces = [block for language, block in blocks_of(page) if language == "yaml" or (not language and re.match(r"[a-z]+:\s", block))]
        pieces += [code for code in inline_of(page) if re.match(r"(?:c2s|http|log|modules|store|tls): \{", code)]
        for piece in pieces:
            count += 1
            fault = complaint(piece.replace('"..."', '"rooms.@HOST@"'))
            if fault:
                check(f"{page}: {piece.strip()[:60]}", False, fault)
        for code in inline_of(page):
            named = re.fullmatch(r"(c2s|http|log|store|tls): (\w+)", code)
            if named:
                count += 1
                if named[2] not in sections[named[1]]:
                    check(f"{page}: {code}", False, "there is no such option")
    check("pieces of configuration were tried, and are good", count > 8, count)


# ---- the tree


def programs():
    """Programs of the tree are there, with the stages and options that are named; targets of make are there."""
    make = "".join(p.read_text(encoding="utf-8") for p in [SOURCE / "Makefile.am", *SOURCE.glob("**/*.mk")])
    configure = text_of("configure.ac")
    standard = {"all", "check", "clean", "install", "distcheck"}
    count = 0
    for page in PAGES:
        for code in inline_of(page) + [line.strip() for _, block in blocks_of(page) for line in block.splitlines()]:
            found = words(code)
            program = found[0] if found else ""
            if re.fullmatch(r"contrib/[\w/]+|tests/bench/compare", program) and not (SOURCE / program).is_dir():
                count += 1
                if not os.access(SOURCE / program, os.X_OK):
                    check(f"{page}: {code}", False, f"{program} is no program")
                    continue
                known = text_of(program) + " --help"
                for word in found[1:]:
                    if (word.startswith("--") or program == "contrib/test") and word not in known:
                        check(f"{page}: {code}", False, f"{program} does not know {word}")
            elif program == "make":
                for target in (word for word in found[1:] if re.fullmatch(r"[a-z-]+", word)):
                    count += 1
                    if target not in standard and not re.search(rf"^{target}:", make, re.M):
                        check(f"{page}: {code}", False, "there is no such target")
            for option in re.findall(r"--(with|enable)-([a-z-]+)", code):
                count += 1
                if not re.search(rf"\[{option[1]}\]|{option[1]}", configure):
                    check(f"{page}: {code}", False, f"configure has no --{option[0]}-{option[1]}")
    check("programs of the tree are there", count > 15, count)


def files():
    """Files and folders that are named are there."""
    missing, count = [], 0
    for page in PAGES:
        found = set(re.findall(r"(?<![\w/.-])((?:src|modules|xep|tests|contrib|docs|sql)/[\w./-]*\w)(?![\w/*])", text_of(page)))
        if page.endswith(".md"):
            here = (SOURCE / page).parent
            missing += [(page, link) for link in re.findall(r"\]\(([^)#:]+)\)", text_of(page)) if not (here / link).exists()]
        count += len(found)
        missing += [(page, name) for name in found if not (SOURCE / name).exists() and not (SOURCE / f"{name}.c").exists()]
    check("files that are named are there", not missing and count > 60, (count, missing))


run(commands, names, options, configuration, programs, files)
