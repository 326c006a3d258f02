#!/usr/bin/python3
"""The report as a web page, in a browser that nobody looks at: it draws itself, zooms by click and
by key, searches, switches its metric, sorts, unfolds leaks, fits a phone, and loads nothing."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorded

checks = recorded.Checks()
DEMO = os.path.join(recorded.BUILD, "examples/demo")
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")


class Browser:
    """Chromium by its debugging protocol, over a pipe: messages are JSON that ends with a 0."""

    def __init__(self, program):
        self.to_read, to_write = os.pipe()
        from_read, self.from_write = os.pipe()

        def connect():
            os.dup2(from_read, 63)  # the pipes may be 3 and 4 themselves
            os.dup2(to_write, 64)
            os.dup2(63, 3)
            os.dup2(64, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--disable-dev-shm-usage", f"--user-data-dir={recorded.SCRATCH}/browser"],
            preexec_fn=connect, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(from_read)
        os.close(to_write)
        self.count = 0
        self.buffer = b""
        self.events = []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            more = os.read(self.to_read, 1 << 16)
            if not more:
                raise AssertionError("the browser ended")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.from_write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector):
        place = self.ask(f"""(() => {{ const box = {selector}.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1],
                      button="left", clickCount=1)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def screenshot(self, name):
        folder = os.environ.get("SEEP_SCREENSHOTS")
        picture = base64.b64decode(self.call("Page.captureScreenshot",
                                             captureBeyondViewport=True)["data"])
        checks.true(f"{name}: a picture", picture.startswith(b"\x89PNG") and len(picture) > 5000)
        if folder:
            with open(f"{folder}/{name}.png", "wb") as file:
                file.write(picture)

    def close(self):
        os.close(self.from_write)
        self.process.kill()
        self.process.wait()


def find(name):
    return f"""[...document.querySelectorAll('#flame g')].find(
        group => group.node.name.startsWith('{name}'))"""


TEXT = "document.getElementById('{}').textContent"


def use(browser):
    widths = "document.querySelectorAll('#flame g').length"
    checks.true("cards", "Peak of the heap9.1 MiB" in browser.ask(TEXT.format("cards")),
                browser.ask(TEXT.format("cards")))
    # A run that is over before memory was looked at twice has no curve, and its part is not shown.
    checks.equal("timeline", not browser.ask("document.getElementById('time_part').hidden"),
                 browser.ask("document.querySelectorAll('#time path').length") >= 1)
    browser.ask("document.getElementById('metric').scrollIntoView()")
    frames = browser.ask(widths)
    checks.true("flame graph", frames >= 4, str(frames))
    # A click zooms, a button goes back.
    browser.click(find("answer"))
    checks.true("zoomed", "answer(int)" in browser.ask(TEXT.format("tell")) and
                not browser.ask("document.getElementById('back').hidden"))
    width = browser.ask(f"Number({find('answer')}.querySelector('rect').getAttribute('width'))")
    checks.equal("zoomed: whole width", browser.ask("document.getElementById('flame').clientWidth"),
                 round(width))
    browser.click("document.getElementById('back')")
    checks.equal("back", frames, browser.ask(widths))
    # The same by keys, beginning at the outermost frame.
    browser.ask("document.querySelector('#flame g[tabindex=\"0\"]').focus()")
    browser.press("ArrowDown")
    browser.press("ArrowDown")
    below = browser.ask("document.activeElement.node.depth")
    checks.equal("arrow", 2, below)
    browser.press("Enter")
    checks.true("enter", not browser.ask("document.getElementById('back').hidden"))
    browser.press("Escape")
    checks.true("escape", browser.ask("document.getElementById('back').hidden"))
    # '/' goes to the search, which marks frames and chooses rows.
    browser.press("/")
    checks.equal("search has the focus", "search", browser.ask("document.activeElement.id"))
    browser.type("open_sess")
    checks.true("found", "%" in browser.ask(TEXT.format("found")),
                browser.ask(TEXT.format("found")))
    checks.true("marked", browser.ask("document.querySelectorAll('#flame .hit').length") >= 1)
    checks.equal("rows", 1, browser.ask("document.querySelectorAll('#sites_body tr').length"))
    browser.screenshot("search")
    browser.ask("""(() => { const field = document.getElementById('search'); field.value = '';
        field.dispatchEvent(new Event('input')); })()""")
    # Another metric, another order.
    browser.ask("""(() => { const field = document.getElementById('metric');
        field.value = [...field.options].find(option => option.textContent.startsWith('Calls') ||
            option.textContent.startsWith('Alloc')).value;
        field.dispatchEvent(new Event('change')); })()""")
    checks.true("metric", browser.ask(TEXT.format("tell")).startswith("all: "))
    browser.click("document.querySelector('#sites_head th:nth-child(2) button')")
    checks.equal("sorted", "descending", browser.ask(
        "document.querySelector('#sites_head th:nth-child(2)').getAttribute('aria-sort')"))
    first = browser.ask("document.querySelector('#sites_body tr td.name summary').textContent")
    checks.true("largest at the peak", first.startswith("rebuild_index()"), first)
    # A stack unfolds.
    browser.ask("document.querySelector('#sites_body details').open = true")
    stack = browser.ask("document.querySelector('#sites_body ol.stack').textContent")
    checks.true("stack", "main at demo.cpp:89" in stack, stack)
    leaks = browser.ask(TEXT.format("leaks"))
    checks.true("leaks", "definite: " in leaks and "remember_caller" in leaks, leaks[:300])


def compare_times(browser, report):
    """When the heap was largest, in the words of the report."""
    told = re.search(r"Peak .* blocks, after ([^;\n]*)", report)
    cards = browser.ask(TEXT.format("cards"))
    checks.true("time of the peak", told and f"after {told[1]}With" in cards, (told, cards))


def compare_memory(browser, about):
    """The section of all memory with what the report's JSON has."""
    found = browser.ask("""(() => { const of = JSON.parse(document.getElementById('data').textContent)
        .processes[0].memory; return of.categories.map(category => [category.resident_bytes,
        category.virtual_bytes, category.parts.length]); })()""")
    parts = about["memory"]["parts"]
    wanted = [[row["resident_bytes"], row["virtual_bytes"],
               len([part for part in parts if part["category"] == row["name"]])]
              for row in about["categories"] if row["virtual_bytes"]]
    checks.equal("categories", sorted(wanted), sorted(found))
    rows = browser.ask("document.querySelectorAll('#memory tr').length")
    checks.equal("a row of each, and of all", len(wanted) + 1, rows)
    checks.true("all memory is told", "resident of" in browser.ask(TEXT.format("memory_note")))
    browser.ask("document.querySelector('#memory details').open = true")
    checks.equal("parts", found[0][2], browser.ask(
        "document.querySelectorAll('#memory details')[0].querySelectorAll('li').length"))


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        print("no headless browser is there")
        raise SystemExit(77)
    recording = recorded.record([DEMO, "</script><b>"])
    page = recorded.new_path(".html")
    done = recorded.seep("export", "--format=html", "-o", page, recording.path)
    checks.equal("written", (0, b""), (done.returncode, done.stderr))
    try:
        browser = Browser(program)
    except (AssertionError, OSError) as error:
        print(f"the browser does not start here: {error}")
        raise SystemExit(77)
    browser.open(f"file://{page}")
    browser.screenshot("light")
    use(browser)
    compare_memory(browser, recording.process())
    compare_times(browser, recorded.seep("report", recording.path).stdout.decode())
    browser.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.screenshot("dark")
    browser.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2,
                 mobile=True)
    browser.open(f"file://{page}")
    browser.screenshot("phone")
    checks.equal("a phone scrolls down only", True, browser.ask(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
    asked = [event["params"]["request"]["url"] for event in browser.events
             if event.get("method") == "Network.requestWillBeSent"]
    checks.equal("nothing is loaded", [], [url for url in asked
                                           if not url.startswith(("file://" + page, "data:"))])
    said = [event for event in browser.events
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
    checks.equal("no complaint", [], said)
    browser.close()
    checks.finish()


main()
