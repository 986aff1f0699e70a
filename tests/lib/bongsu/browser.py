"""A headless Chromium, and the server's page to chat from as a user sees it.

contrib/npm tests/clients/web BUILD/npm and contrib/web/build BUILD/web make what it needs; missing() says what is not there.
"""
import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent.parent
BUILD = Path(os.environ.get("BONGSU_BUILD", ".")).resolve()
WAIT = 60  # seconds for one step: a browser beside three other tests is slow


def missing(modules=BUILD / "npm" / "node_modules"):
    """What a browser needs and is not there, or None."""
    for program in ("node", "chromium"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not (modules / "playwright-core").is_dir():
        return f"no {modules}/playwright-core: contrib/npm tests/clients/web makes it"
    return None


class Browser:
    """Chromium, as a context: ended at the end."""

    def __init__(self, modules=BUILD / "npm" / "node_modules"):
        self.process = subprocess.Popen(
            ["node", str(TOP / "tests/clients/web/chromium.mjs"), shutil.which("chromium"), str(WAIT * 1000)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"NODE_MODULES": str(modules), "NODE_NO_WARNINGS": "1"})
        self.answers = queue.Queue()
        self.count = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.answer(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def answer(self, number):
        try:
            answer = self.answers.get(timeout=2 * WAIT)
        except queue.Empty:
            answer = None
        if answer is None or answer["id"] != number:
            raise TimeoutError(f"the browser gave {answer}")
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("result")

    def call(self, page, name, *arguments):
        self.count += 1
        request = {"id": self.count, "page": page, "call": name, "arguments": arguments}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.answer(self.count)

    def page(self, url, width=1200, height=800, **options):
        """A page as in a browser of its own, at that address."""
        return Page(self, url, {"viewport": {"width": width, "height": height}} | options)


class Page:
    """The page to chat from; methods that it does not have are playwright-core's."""

    numbers = iter(range(1, 1000000))

    def __init__(self, browser, url, options):
        self.browser = browser
        self.number = next(self.numbers)
        self.open(options)
        self.goto(url)

    def __getattr__(self, name):
        return lambda *arguments: self.browser.call(self.number, name, *arguments)

    def sees(self, selector, text=""):
        """Waits until that is to be seen, with that text in it; a picture of what there is instead is left beside the test."""
        having = f":has-text({json.dumps(text, ensure_ascii=False)})" if text else ""
        try:
            self.waitForSelector(f"{selector}{having}:visible")
        except RuntimeError:
            self.screenshot({"path": str(Path("missing.png").resolve())})
            print(f"     problems: {self.problems()}; a picture: {Path('missing.png').resolve()}")
            raise
        return True

    # ---- what a user does

    def log_in(self, user, password="secret"):
        self.fill("input[name=jid]", user)
        self.fill("input[name=password]", password)
        self.click("#converse-login button[type=submit]")

    def register(self, user, password="secret"):
        self.click("converse-register-link a")
        self.fill("#converse-register input[name=username]", user)
        self.fill("#converse-register input[name=password]", password)
        self.click("#converse-register input[type=submit]")

    def add_contact(self, address):
        self.click("#converse-roster converse-dropdown button")
        self.click("#converse-roster .add-contact")
        self.fill("converse-add-contact-modal input[name=jid]", address)
        self.click("converse-add-contact-modal button[type=submit]")

    def log_out(self):
        """By the button, and the question whether it is meant."""
        self.click("converse-user-profile .show-profile")
        self.click("converse-profile-modal .modal-footer .btn-danger")
        self.click("converse-confirm-modal button[type=submit]")
        return self.sees("input[name=password]")

    def is_in(self):
        """Waits until the contacts are shown."""
        return self.sees("converse-user-profile") and self.sees("converse-roster .roster-contacts")

    def talk_to(self, contact):
        self.click(f"converse-roster .open-chat:has-text({json.dumps(contact)})")
        return self.sees("converse-chat textarea.chat-textarea")

    def enter_room(self, name):
        self.click("#chatrooms converse-dropdown button")
        self.click("#chatrooms .show-add-muc-modal")
        self.fill("converse-add-muc-modal input[name=chatroom]", name)
        self.click("converse-add-muc-modal input[name=join]")
        return self.sees("converse-muc textarea.chat-textarea")

    def say(self, text):
        self.fill("textarea.chat-textarea:visible", text)
        self.press("textarea.chat-textarea:visible", "Enter")

    def shows(self, text):
        """Waits for a message with that text."""
        return self.sees(".chat-msg__text", text)

    def texts(self):
        """What the messages that are shown say, in their order."""
        return self.evaluate("[...document.querySelectorAll('.chat-msg__text')].map(m => m.textContent.trim())")
